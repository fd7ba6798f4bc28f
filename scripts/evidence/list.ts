import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '../../src/core/stats/index.ts'
import type { Measurement } from './measurement.ts'

/** Seconds that a command takes. @throws {Error} if it fails */
function secondsOf(command: string, args: readonly string[], cwd: string): number {
  const started = performance.now()
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}: ${stderr}`)
  return (performance.now() - started) / 1000
}

/** Alternates `isobench list` and `vitest list` on as many files with as many tests. */
export const list: Measurement = {
  description: 'time of isobench list on this repository against vitest list on as many files',
  options: {},
  run({ root, print }) {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
    try {
      cpSync(join(root, 'benches'), join(folder, 'benches'), { recursive: true })
      cpSync(join(root, 'isobench.config.ts'), join(folder, 'isobench.config.ts'))
      const files = readdirSync(join(folder, 'benches'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.bench.ts'),
      )
      mkdirSync(join(folder, 'tests'))
      for (const index of files.keys()) {
        const test = `import { expect, test } from 'vitest'\ntest('test ${index}', () => { expect(1).toBe(1) })\n`
        writeFileSync(join(folder, 'tests', `${index}.test.ts`), test)
      }
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
      const vitestBin = join(root, 'node_modules/vitest/vitest.mjs')
      const isobench = () => secondsOf('node', [join(root, 'bin/isobench.js'), 'list'], folder)
      const vitest = () => secondsOf('node', [vitestBin, 'list', '--dir', 'tests'], folder)
      // The first run of each fills the page cache.
      isobench()
      vitest()
      const pairs = Array.from({ length: 7 }, () => [isobench(), vitest()] as const)
      const ours = median(pairs.map(([seconds]) => seconds))
      const theirs = median(pairs.map(([, seconds]) => seconds))
      print(
        `list: ${files.length} files: isobench ${ours.toFixed(2)} s, vitest ${theirs.toFixed(2)} s: ` +
          `${(theirs / ours).toFixed(1)} x faster (goal: 5)`,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
