import { bench, expect, finding, higher, platform, workload } from 'isobench'
import { sysbench } from 'isobench/tools'

/** sysbench's prime numbers on one thread: the paper's CPU microbenchmark (§3.1, Fig. 5). */
const verification = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds }))
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})

export const prime = bench('prime verification', verification, {
  tags: ['cpu'],
  expect: { events: expect.withinNative(10) },
})

finding(
  1,
  'Prime verification runs at the same speed on every platform; OSv is slow at encoding video',
  [
    expect(prime.events)
      .on(platform.family('container', 'secure-container', 'hypervisor', 'unikernel'))
      .withinNative(5),
  ],
  { undecided: ["OSv's video encoding: this suite has no bench of it yet"] },
)

finding(2, 'All containers, secure ones included, are on par with native for CPU-bound tasks', [
  expect(prime.events).on(platform.family('container')).withinNative(5),
  expect(prime.events).on(platform.family('secure-container')).withinNative(5),
])
