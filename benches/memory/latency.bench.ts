import { bench, expect, finding, lower, platform, workload } from 'isobench'
import { memory } from 'isobench/tools'
import { copying } from './copy.bench.ts'

/**
 * Random reads in buffers of 2^16 to 2^26 bytes: the paper's memory latency (§3.2, Fig. 6), in addition to a hit in the
 * L1 cache. The paper's tool, tinymembench, has no options and measures latencies after minutes of other tests. So a
 * program of isobench follows a chain of pointers once through every line of the buffer, in 4 KiB pages. The profile
 * `paper` measures the paper's eleven sizes, other profiles four of them.
 */
const randomAccess = workload('random memory access', {
  metrics: { latency: lower('ns') },
  params: { log2bytes: [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26] },
  async run({ guest, seconds, params: { log2bytes } }) {
    const { stdout } = await guest.exec(memory.latency({ log2bytes, seconds }))
    return { latency: memory.parseLatency(stdout, log2bytes).extraNs }
  },
})

export const access = bench('memory latency', randomAccess, {
  params: { log2bytes: [16, 20, 23, 26] },
  profiles: { paper: { log2bytes: [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26] } },
  tags: ['memory', 'slow', 'figure-6'],
  expect: { latency: expect.warn.withinNative(10) },
})

const large = expect(access.latency).where({ log2bytes: 26 })
const copy = expect(copying.plain)
const hypervisors = platform.named('qemu', 'firecracker', 'cloud-hypervisor')
const others = platform.named('native', 'docker', 'lxc', 'gvisor', 'kata', 'osv', 'qemu', 'cloud-hypervisor')
const most = platform.medianOf('native', 'docker', 'lxc', 'gvisor', 'kata', 'osv', 'qemu', 'cloud-hypervisor')
const slower = { by: '1.05x' } as const

finding(
  3,
  'Most hypervisors slow memory down, but Kata on QEMU and OSv on QEMU do not: ' +
    'a hypervisor need not cost memory performance',
  [
    large.on(hypervisors).onAtLeast(2).worseThan('native', slower),
    copy.on(hypervisors).onAtLeast(2).worseThan('native', slower),
    large.on('kata').withinNative(9),
    copy.on('kata').withinNative(9),
    large.on('osv').withinNative(9),
    copy.on('osv').withinNative(9),
  ],
)

finding(
  4,
  'Firecracker is the outlier in memory; Cloud Hypervisor is slower in latency but not in ' +
    'throughput, and QEMU the reverse',
  [
    large.on('firecracker').worseThan(most, { by: '1.09x' }),
    copy.on('firecracker').worseThan(most, { by: '1.1x' }),
    large.on(others).betterThan('firecracker'),
    copy.on(others).betterThan('firecracker'),
    large.on('cloud-hypervisor').worseThan('native', { by: '1.05x' }),
    copy.on('cloud-hypervisor').withinNative(5),
    large.on('qemu').withinNative(5),
    copy.on('qemu').worseThan('native', { by: '1.05x' }),
  ],
)

finding(
  5,
  "OSv's memory performance depends on its hypervisor: worse on Firecracker than on QEMU, where it is close to native",
  [
    large.on('osv-firecracker').worseThan('osv', { by: '1.05x' }),
    copy.on('osv-firecracker').worseThan('osv', { by: '1.05x' }),
    large.on('osv').withinNative(5),
    copy.on('osv').withinNative(5),
  ],
  { failOn: 'never' },
)
