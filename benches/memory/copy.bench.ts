import { bench, expect, higher, workload } from 'isobench'
import { mbw } from 'isobench/tools'

/** Larger than the last-level caches of today's servers, so that memory is what is measured. */
const mebibytes = 128

/** memcpy between two arrays, in the style of STREAM's copy (§3.2). mbw's average over the copies of one sample. */
const copy = workload('memory copy', {
  metrics: { bandwidth: higher('MiB/s') },
  async run({ guest, seconds }) {
    // About 25 ms a copy on a slow machine; at least five, so that the first touch of the pages does not decide.
    const runs = Math.max(5, Math.ceil(seconds / 0.025))
    const { stdout } = await guest.exec(mbw.run({ method: 'memcpy', runs, mebibytes }))
    return { bandwidth: mbw.parse(stdout, 'memcpy').mebibytesPerSecond }
  },
})

export const copying = bench('memory copy', copy, {
  tags: ['memory', 'figure-7', 'figure-8'],
  expect: { bandwidth: expect.withinNative(15) },
})
