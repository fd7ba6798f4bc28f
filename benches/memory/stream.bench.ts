import { bench, expect, higher, workload } from 'isobench'
import { memory } from 'isobench/tools'
import { lastLevelCache } from './last-level-cache.ts'

/**
 * STREAM's COPY by one thread, over arrays of four times this host's last-level cache and with its result validated: the
 * paper's memory throughput (§3.2, Fig. 8). The paper's arrays take 2.2 GiB together, by its scripts ten times that on one
 * platform and a tenth on another; here all platforms have the same, and the best of the repetitions counts as in STREAM.
 * The three arrays must fit into the guest's memory: a sample on a host with a large cache says so by being killed.
 */
const stream = workload('STREAM', {
  metrics: { copy: higher('MB/s') },
  async run({ guest, seconds }) {
    const times = Math.max(5, Math.min(200, Math.ceil(seconds * 8)))
    const { stdout } = await guest.exec(memory.stream({ mebibytes: 4 * lastLevelCache(), times }))
    return { copy: memory.parseStream(stdout).copyMBs }
  },
})

export const streaming = bench('STREAM', stream, {
  tags: ['memory', 'slow', 'figure-8'],
  expect: { copy: expect.warn.withinNative(15) },
})
