import { bench, expect, higher, workload } from 'isobench'
import { memory } from 'isobench/tools'

/**
 * Copies of 32 MiB by plain C and by SSE2, as in tinymembench (§3.2, Fig. 7). The paper's tool has no options and runs
 * for minutes. So a program of isobench, which is built into the image, does two of its thirty tests, each for half of
 * the sample's time. The best copy counts, and 1 MB copied counts once.
 */
const copies = workload('memory copy', {
  metrics: { plain: higher('MB/s'), sse2: higher('MB/s') },
  async run({ guest, seconds }) {
    const { plainMBs, sse2MBs } = memory.parseCopy((await guest.exec(memory.copy({ seconds: seconds / 2 }))).stdout)
    return { plain: plainMBs, sse2: sse2MBs }
  },
})

export const copying = bench('memory copy', copies, {
  tags: ['memory', 'figure-7'],
  expect: { plain: expect.withinNative(15), sse2: expect.withinNative(15) },
})
