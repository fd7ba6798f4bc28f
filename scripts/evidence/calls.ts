/** isobench-calls against `perf bench` and a shell, natively and on one CPU. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '../../src/core/stats/index.ts'
import { type CallName, calls } from '../../src/tools/index.ts'
import { countOption, type Measurement } from './measurement.ts'

/** Another program that measures an operation, and returns the nanoseconds of one loop. */
interface Counterpart {
  readonly call: CallName
  readonly name: string
  /** @param idle a static program that does nothing */
  measure(idle: string): number | undefined
}

const perf = (call: CallName, ...bench: readonly string[]): Counterpart => ({
  call,
  name: `perf bench ${bench.slice(0, 2).join(' ')}`,
  measure: () => perfBench(bench),
})

/** Commands that a shell starts. */
const started = 1000

/**
 * perf calls getppid, which costs the same as getpid. Its fork and exec copy the process of perf, which has many
 * libraries, and start /bin/true, which is linked dynamically. A shell is as small as isobench-calls.
 */
const counterparts: readonly Counterpart[] = [
  perf('getpid', 'syscall', 'basic', '--loop', '2000000'),
  perf('pipe', 'sched', 'pipe', '--loop', '100000'),
  perf('fork', 'syscall', 'fork', '--loop', '500'),
  perf('forkExec', 'syscall', 'execve', '--loop', '500'),
  { call: 'forkExec', name: 'a loop of sh', measure: shellLoop },
]

/** The nanoseconds that a shell takes to start a program, and to wait for its end. */
function shellLoop(program: string): number {
  const loop = `i=0; while [ $i -lt ${started} ]; do "$1"; i=$((i + 1)); done`
  const before = performance.now()
  execFileSync('taskset', ['-c', '0', 'sh', '-c', loop, 'sh', program])
  return (1_000_000 * (performance.now() - before)) / started
}

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
    const idle = join(folder, 'idle')
    execFileSync('gcc', ['-O2', '-static', '-x', 'c', '-o', idle, '-'], { input: 'int main(void) { return 0; }' })
    for (const { call, name, measure } of counterparts) {
      const [ours, theirs]: [number[], (number | undefined)[]] = [[], []]
      for (let n = 0; n < alternations; n++) {
        const { argv } = calls.measure({ names: [call], seconds: 0.5, folder })
        const output = execFileSync('taskset', ['-c', '0', program, ...argv.slice(1)], { encoding: 'utf8' })
        ours.push(calls.parse(output, [call])[call])
        theirs.push(measure(idle))
      }
      const known = theirs.filter((value) => value !== undefined)
      const [a, b] = [median(ours), known.length > 0 ? median(known) : undefined]
      print(
        `calls: ${call}: isobench-calls ${a.toFixed(0)} ns, ${name} ` +
          (b === undefined ? 'is not in this perf' : `${b.toFixed(0)} ns, ratio ${(a / b).toFixed(2)}`),
      )
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const callCosts: Measurement = {
  description: 'isobench-calls against perf bench and a shell',
  options: { runs: 'alternations; 5' },
  run: ({ root, options, print }) => compare(root, countOption(options.runs, 5), print),
}
