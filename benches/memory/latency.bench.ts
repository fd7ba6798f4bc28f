import { bench, expect, finding, lower, part, platform, workload } from 'isobench'
import { memory } from 'isobench/tools'
import { paper } from '../paper.ts'
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
/** More than on par, as the latency and as the rate of copying. */
const slower = { by: '1.05x' } as const
/** 15 % more latency. */
const slowerBy15 = { by: '1.15x' } as const
/** 15 % less of a rate. */
const lessBy15 = { by: '1.18x' } as const
const most = platform.medianOf('native', 'docker', 'lxc', 'gvisor', 'kata', 'osv', 'qemu', 'cloud-hypervisor')

finding(
  3,
  'Most hypervisors slow memory down, but Kata on QEMU and OSv on QEMU do not: ' +
    'a hypervisor need not cost memory performance',
  [
    part(
      'most hypervisors have some slowdown',
      [
        large.on(hypervisors).onAtLeast(2).worseThan('native', slower),
        copy.on(hypervisors).onAtLeast(2).worseThan('native', slower),
      ],
      {
        quote: 'most hypervisor-based platforms exhibit some form of slowdown in both latency and throughput',
        margins: 'most: two of three; "some form of slowdown": more than on par, 5 %',
      },
    ),
    part('Kata is not significantly impaired', [large.on('kata').withinNative(9), copy.on('kata').withinNative(9)], {
      quote: 'the Kata container platform is not significantly impaired, despite its use of the QEMU hypervisor',
      margins: 'not impaired: less than a slowdown of 9 %; one-sided',
    }),
    part('OSv on QEMU has no slowdown', [large.on('osv').withinNative(5), copy.on('osv').withinNative(5)], {
      quote: 'the OSv platform running under QEMU also does not show any slowdown',
      margins: 'not any slowdown: on par, 5 %; one-sided',
    }),
  ],
  { source: { ...paper, section: '3.2', figures: [6, 7, 8] } },
)

finding(
  4,
  'Firecracker is the outlier in memory; Cloud Hypervisor is slower in latency but not in ' +
    'throughput, and QEMU the reverse',
  [
    part(
      'Firecracker is substantially worse than all others',
      [
        large.on('firecracker').worseThan(most, slowerBy15),
        copy.on('firecracker').worseThan(most, lessBy15),
        large.on(platform.named('native', 'docker', 'lxc', 'gvisor', 'kata', 'osv', 'qemu')).betterThan('firecracker'),
        copy
          .on(platform.named('native', 'docker', 'lxc', 'gvisor', 'kata', 'osv', 'qemu', 'cloud-hypervisor'))
          .betterThan('firecracker'),
      ],
      {
        quote: 'The memory performance outlier is Firecracker, scoring substantially lower than the other platforms',
        margins: 'substantially: like "significant", 15 % from the median of the others; and worse than each of them',
      },
    ),
    part(
      'Cloud Hypervisor is slower in latency, but less than Firecracker',
      [
        large.on('cloud-hypervisor').worseThan('native', slower),
        large.on('cloud-hypervisor').betterThan('firecracker'),
      ],
      {
        quote: 'Cloud Hypervisor shows a similar (although weaker) effect on memory access latency',
        margins: 'a weaker effect: more than on par, 5 %, and less than on Firecracker',
      },
    ),
    part('Cloud Hypervisor is not slower in throughput', [copy.on('cloud-hypervisor').withinNative(5)], {
      quote: 'but not for throughput',
      margins: 'no effect: on par, 5 %; one-sided',
    }),
    part(
      'QEMU is slower in throughput, but not in latency',
      [copy.on('qemu').worseThan('native', slower), large.on('qemu').withinNative(5)],
      { quote: 'while the opposite holds for QEMU', margins: 'the same margins, exchanged' },
    ),
  ],
  { source: { ...paper, section: '3.2', figures: [6, 7, 8] } },
)

finding(
  5,
  "OSv's memory performance depends on its hypervisor: worse on Firecracker than on QEMU, where it is close to native",
  [
    part(
      'OSv on Firecracker is worse than OSv on QEMU',
      [large.on('osv-firecracker').worseThan('osv', slowerBy15), copy.on('osv-firecracker').worseThan('osv', lessBy15)],
      {
        quote:
          "OSv's memory performance is strongly affected by its hypervisor. OSv running under the Firecracker " +
          'hypervisor underperforms in comparison to OSv running under QEMU',
        margins: 'strongly: like "significant", 15 %',
      },
    ),
    part(
      'OSv on QEMU is close to native',
      [large.on('osv').equivalentTo('native', 5), copy.on('osv').equivalentTo('native', 5)],
      { quote: 'which yields results close to native', margins: 'close to native: within ±5 %' },
    ),
  ],
  { source: { ...paper, section: '3.2', figures: [6, 7, 8] }, failOn: 'never' },
)
