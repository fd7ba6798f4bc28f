import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadWorkloads } from '../../../../src/core/measure/measure-project.ts'
import type { BenchData } from '../../../../src/core/model/suite.ts'
import { type Compiled, compile, compileForGuest } from '../../../../src/core/project/compile.ts'
import type { ProjectState } from '../../../../src/core/watch/project-state.ts'
import { WorkloadLoader } from '../../../../src/core/watch/session.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

/** Bench files import the bundle of isobench. */
const built = existsSync(bundlePath('index')) && existsSync(bundlePath('in-guest'))

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

const file = 'own.bench.ts'

const benchText = (name: string, body: string) =>
  `import { bench, workload } from 'isobench'\nbench('x', workload.inGuest('${name}', () => { ${body} }))\n`

/** A bench file that imports another one, which has a bench of the same name. */
function project(): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-unit-')))
  roots.push(root)
  writeFileSync(join(root, 'other.bench.ts'), benchText('work of the other file', 'throw new Error("wrong work")'))
  writeFileSync(join(root, file), `import './other.bench.ts'\n${benchText('own work', 'JSON.parse("[1, 2]")')}`)
  return root
}

async function compiled(root: string): Promise<Map<string, Compiled>> {
  const result = await compile(root, file)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return new Map([[file, result.compiled]])
}

const benches = [{ id: `${file}#x`, file, name: 'x', digest: '1' }] as unknown as BenchData[]

describe.skipIf(!built)('a bench with the name of a bench that its file imports', () => {
  it('is measured with its own workload in a run', async () => {
    const root = project()
    const suite = { benches: [], findings: [], problems: [] }
    const collected = { compiled: await compiled(root), suite, warnings: [] }
    const workloads = await loadWorkloads(root, collected, { benches })
    expect(workloads.get(`${file}#x`)?.name).toBe('own work')
  })

  it('is measured with its own workload in watch mode', async () => {
    const root = project()
    const loader = new WorkloadLoader()
    const state = { compiled: await compiled(root), project: { root } } as unknown as ProjectState
    await loader.load(benches, state, () => false)
    expect(loader.workloads.get(`${file}#x`)?.name).toBe('own work')
  })

  it('is timed with its own function inside a guest', async () => {
    const root = project()
    const main = join(root, 'guest.mjs')
    writeFileSync(main, await compileForGuest(root, file))
    const stdout = execFileSync(process.execPath, [main, 'x', '0.01', 'outcome:'], { encoding: 'utf8' })
    expect(stdout).toMatch(/^outcome:\{"throughput":/m)
  })
})
