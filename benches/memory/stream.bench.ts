import { bench, expect, higher, workload } from 'isobench'
import { memory } from 'isobench/tools'
import { lastLevelCache } from './last-level-cache.ts'

/**
 * STREAM's COPY with one thread on arrays of four times the host's last-level cache, with validated results: the
 * paper's memory throughput (§3.2, Fig. 8). The paper's arrays have 2.2 GiB in total. In its scripts they have ten
 * times that on one platform and a tenth on another. Here all platforms have the same size, and the best repetition
 * counts, as in STREAM. The three arrays must fit into the guest's memory. On a host with a very large cache the sample
 * is killed.
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
