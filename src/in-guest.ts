import { Bench } from 'tinybench'
import { loadRegistrations } from './dsl/registry.ts'

/**
 * Runs inside a guest: times one in-guest function of a bench file with tinybench and prints the outcome as one line.
 */

/**
 * Expects argv: the bench's name, seconds to measure, and a word that starts the line of the outcome. A failure is one
 * line of standard error: a stack's last lines, which is what reports quote, would not say what was wrong.
 */
export async function timeInGuest(load: () => Promise<unknown>): Promise<void> {
  try {
    await time(load)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`)
    process.exit(1)
  }
}

async function time(load: () => Promise<unknown>): Promise<void> {
  const [name, seconds, marker] = process.argv.slice(2) as [string, string, string]
  const { benches } = await loadRegistrations(load)
  const work = benches.findLast((bench) => bench.name === name)?.workload?.work
  if (work?.kind !== 'in-guest') throw new Error(`the bundle has no in-guest bench "${name}"`)
  const bench = new Bench({ time: Number(seconds) * 1000, warmupTime: 200, throws: true })
  bench.add(name, work.fn)
  const [task] = await bench.run()
  const result = task?.result
  if (!result || !('latency' in result)) throw new Error(`tinybench did not complete: ${result?.state}`)
  process.stdout.write(`\n${marker}${JSON.stringify({ throughput: throughputOf(result.latency.p50) })}\n`)
}

/**
 * Calls per second.
 * @param median milliseconds of a call
 * @throws {RangeError} if it is 0: the rate would be infinite, which is null in JSON, and null is a metric that the
 * platform does not show
 */
export function throughputOf(median: number): number {
  if (median > 0) return 1000 / median
  throw new RangeError(`the function takes ${median} ms, less than the guest's clock can measure: let it do more`)
}
