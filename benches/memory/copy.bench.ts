import { bench, expect, higher, workload } from 'isobench'
import { memory } from 'isobench/tools'

/**
 * Copies of 32 MiB by plain C and by SSE2, as tinymembench does them (§3.2, Fig. 7). The paper's tool has no options and
 * takes minutes, so this is a program of isobench's own, built into the image, that does these two of its thirty tests: the
 * best of the copies that fit into the sample's time, half of it each, and 1 MB copied counts once.
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
