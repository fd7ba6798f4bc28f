import { bench, expect, lower, workload } from 'isobench'

/**
 * What a virtual machine monitor costs before there is a kernel to boot: it is started with a guest of a few hundred bytes, which
 * writes four letters to its serial port and powers off. What a boot takes beyond this is firmware, kernel and init.
 *
 * The guest runs so little kernel-mode code that KVM does wherever it opens, also where it is too slow for a kernel.
 */
const vmmStart = workload.vmmStart('start of a monitor and end of its guest', {
  metrics: { duration: lower('ms') },
  params: { starts: [3, 15] },
  async run({ startVmm, params: { starts } }) {
    const all: number[] = []
    for (let n = 0; n < starts; n++) all.push((await startVmm()).milliseconds)
    return { duration: all }
  },
})

export const vmmStartBench = bench('vmm start', vmmStart, {
  params: { starts: [3] },
  profiles: { paper: { starts: [15] } },
  tags: ['startup'],
  timeout: 120,
  expect: { duration: expect.atMost('5s') },
})
