/** isobench-calls against `perf bench`, for the operations that both measure, natively and on one CPU. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '../../src/core/stats/index.ts'
import { type CallName, calls } from '../../src/tools/index.ts'
import { countOption, type Measurement } from './measurement.ts'

/**
 * The bench of perf for each operation, and its loops. perf calls getppid, which costs the same as getpid. Its fork and
 * exec copy a larger process and start /bin/true, which is linked dynamically.
 */
const counterparts: readonly (readonly [CallName, readonly string[]])[] = [
  ['getpid', ['syscall', 'basic', '--loop', '2000000']],
  ['pipe', ['sched', 'pipe', '--loop', '100000']],
  ['fork', ['syscall', 'fork', '--loop', '3000']],
  ['forkExec', ['syscall', 'execve', '--loop', '1000']],
]

/** The nanoseconds of one loop in the output of `perf bench` (tools/perf/bench/syscall.c, sched-pipe.c). */
function perfBench(bench: readonly string[]): number | undefined {
  try {
    const output = execFileSync('taskset', ['-c', '0', 'perf', 'bench', ...bench], { encoding: 'utf8', stdio: 'pipe' })
    const [, microseconds] = /^\s*([\d.]+) usecs\/op$/m.exec(output) ?? []
    return microseconds === undefined ? undefined : 1000 * Number(microseconds)
  } catch {
    // Versions of perf differ in their benches.
    return undefined
  }
}

/** Prints both values of each operation, and their ratio: medians over the alternations. */
function compare(root: string, alternations: number, print: (line: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-calls-'))
  try {
    const program = join(folder, 'isobench-calls')
    execFileSync('gcc', ['-O2', '-static', '-o', program, join(root, 'src/host/programs/calls.c')])
    for (const [name, bench] of counterparts) {
      const [ours, theirs]: [number[], (number | undefined)[]] = [[], []]
      for (let n = 0; n < alternations; n++) {
        const { argv } = calls.measure({ names: [name], seconds: 0.5, folder })
        const output = execFileSync('taskset', ['-c', '0', program, ...argv.slice(1)], { encoding: 'utf8' })
        ours.push(calls.parse(output, [name])[name])
        theirs.push(perfBench(bench))
      }
      const known = theirs.filter((value) => value !== undefined)
      const [a, b] = [median(ours), known.length > 0 ? median(known) : undefined]
      print(
        `calls: ${name}: isobench-calls ${a.toFixed(0)} ns, perf bench ${bench[0]} ${bench[1]} ` +
          (b === undefined ? 'is not in this perf' : `${b.toFixed(0)} ns, ratio ${(a / b).toFixed(2)}`),
      )
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const callCosts: Measurement = {
  description: 'isobench-calls against perf bench',
  options: { runs: 'alternations; 5' },
  run: ({ root, options, print }) => compare(root, countOption(options.runs, 5), print),
}
