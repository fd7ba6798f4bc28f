import { bench, expect, lower, workload } from 'isobench'
import { command } from 'isobench/tools'

/** Boots in each sample; their median is the sample, because one boot alone is too noisy on a shared machine. */
const boots = 3

/**
 * From the creation of the host process to its end, on the host's clock: the paper's end-to-end time (§3.6). The guest
 * runs busybox's `true`, so what is left is the platform.
 */
const boot = workload.boot('boot to the end of true', {
  metrics: { duration: lower('ms') },
  async run({ boot }) {
    const times: number[] = []
    for (let n = 0; n < boots; n++) times.push((await boot(command('/bin/busybox', 'true'))).milliseconds)
    times.sort((a, b) => a - b)
    return { duration: times[Math.floor(boots / 2)]! }
  },
})

bench('boot', boot, {
  tags: ['startup'],
  expect: { duration: expect.atMost('5s') },
})
