import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../../../src/core/project/collect.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

const head = `import { bench, expect, finding, higher, part, workload } from 'isobench'
const w = () => workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) })\n`

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-unused-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

describe.skipIf(!built)('a claim', () => {
  it('that no finding has is a warning at its place, and one of another file’s finding is none', async () => {
    const claims = `export const it = bench('x', w())
export const used = expect(it.e).on('runc').withinNative(5)
expect(it.e).on('runc').atLeast('5 ops/s')
finding(900, 'stated', [expect(it.e).on('runc').warn.betterThan('native')])`
    const other = "import { used } from './a.bench.ts'\nbench('y', w())\nfinding(901, 'stated', [used])"
    write({ 'benches/a.bench.ts': head + claims, 'benches/b.bench.ts': head + other })
    const { suite, warnings } = await collect(root, ['benches/a.bench.ts', 'benches/b.bench.ts'])
    expect(suite.problems).toEqual([])
    expect(warnings).toEqual([
      {
        file: 'benches/a.bench.ts',
        message: 'no finding has this claim about "e", so nothing judges it.',
        fix: 'put it into finding(100, title, [claim]), or write it as expect: { ... } of its bench',
        location: { file: join(root, 'benches/a.bench.ts'), line: 5, column: 25 },
      },
    ])
  })
})

describe.skipIf(!built)('an expectation or a part', () => {
  it('that nothing has is a warning at its place, and one that another file uses is none', async () => {
    const makes = `export const near = expect.withinNative(5)
export const slow = part('slow', [], { unmeasurable: 'no bench' })
const it = bench('x', w(), { expect: { e: [near, expect.warn.atLeast('1 ops/s')] } })
expect.withinNative(6)
part('lost', [], { unmeasurable: 'no bench' })
const used = expect(it.e).on('runc').withinNative(5)
finding(900, 'stated', [used])
part('again', [used])`
    const uses = `import { near, slow } from './a.bench.ts'
bench('y', w(), { expect: { e: near } })
finding(901, 'stated', [slow])`
    write({ 'benches/a.bench.ts': head + makes, 'benches/b.bench.ts': head + uses })
    const { suite, warnings } = await collect(root, ['benches/a.bench.ts', 'benches/b.bench.ts'])
    expect(suite.problems).toEqual([])
    expect(warnings.map(({ file, message, location }) => [file, message, location?.line])).toEqual([
      ['benches/a.bench.ts', 'no finding has the part "lost", so no report shows it.', 7],
      ['benches/a.bench.ts', 'no finding has the part "again", so no report shows it.', 10],
      ['benches/a.bench.ts', 'no bench has this expectation, so nothing judges it.', 6],
    ])
  })

  it('is no warning if its bench is a problem, and the problem is shown although the file throws later', async () => {
    const text = `const it = bench('x', w(), { expect: { e: [] } })\nexpect.withinNative(6)\nit.e.other.more()`
    write({ 'benches/a.bench.ts': head + text })
    const { suite, warnings } = await collect(root, ['benches/a.bench.ts'])
    expect(suite.problems.map(({ message }) => message)).toEqual([
      'bench "x": the list of expectations of "e" is empty.',
      expect.stringContaining("reading 'more'"),
    ])
    expect(warnings).toEqual([])
  })
})
