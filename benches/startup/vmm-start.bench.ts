import { bench, expect, lower, type VmmStartResult, workload } from 'isobench'

/**
 * The cost of a VMM before it boots a kernel. The VMM is started with a guest of a few hundred bytes that prints a few
 * letters to its serial port and powers off. The rest of a boot is firmware, kernel and init. `memory` is the most that
 * the kernel charges for the VMM at one time. It includes page cache and kernel memory.
 *
 * The guest executes so little kernel-mode code that KVM works wherever it can be opened, even if it is too slow for a
 * kernel.
 */
const vmmStart = workload.vmmStart('VMM start and end of its guest', {
  metrics: { duration: lower('ms'), memory: lower('MiB') },
  params: { starts: [3, 15] },
  async run({ startVmm, params: { starts } }) {
    const all: VmmStartResult[] = []
    for (let i = 0; i < starts; i++) all.push(await startVmm())
    const peaks = all.flatMap(({ peakBytes }) => (peakBytes === null ? [] : [peakBytes / 1024 ** 2]))
    return { duration: all.map(({ milliseconds }) => milliseconds), memory: peaks.length === 0 ? null : peaks }
  },
})

export const vmmStartBench = bench('vmm start', vmmStart, {
  params: { starts: [3] },
  profiles: { paper: { starts: [15] } },
  tags: ['startup'],
  timeout: 120,
  expect: { duration: expect.atMost('5s') },
})
