import { bench, expect, finding, higher, part, platform, workload } from 'isobench'
import { sysbench } from 'isobench/tools'
import { paper } from '../paper.ts'
import { firecrackerSpecification } from '../sources.ts'
import { video } from './video.bench.ts'

/** sysbench's prime numbers with one thread: the paper's CPU microbenchmark (§3.1, Fig. 5). */
const verification = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds }))
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})

export const prime = bench('prime verification', verification, {
  tags: ['cpu', 'figure-5'],
  expect: { events: expect.withinNative(10) },
})

/** The platforms of the paper. Variants and newer runtimes are judged by the benches' own expectations. */
const containers = platform.named('docker', 'lxc')
const secure = platform.named('gvisor', 'kata')
const hypervisors = platform.named('qemu', 'firecracker', 'cloud-hypervisor')
const unikernels = platform.named('osv', 'osv-firecracker')
const most = platform.medianOf('native', 'docker', 'lxc', 'qemu', 'firecracker', 'cloud-hypervisor')

finding(
  1,
  'Basic CPU-bound work has no overhead; encoding video shows differences, and OSv is severely slow at it',
  [
    part(
      'verifying primes has no overhead on any platform',
      [containers, secure, hypervisors, unikernels].map((all) => expect(prime.events).on(all).withinNative(5)),
      {
        quote:
          'for CPU-bound workloads that exercises a basic subset of all available CPU instructions ' +
          'there is no performance overhead',
        margins: 'no overhead: not more than 5 % below native; one-sided, because a faster platform has none',
      },
    ),
    part(
      'encoding video shows differences',
      [
        expect(video.encoding)
          .on(platform.named('docker', 'lxc', 'gvisor', 'kata', 'qemu', 'firecracker', 'cloud-hypervisor', 'osv'))
          .onAtLeast(1)
          .worseThan('native', { by: '1.09x' }),
        // Context from the section's text: most runs take about 65000 ms.
        expect(video.encoding).on(containers).warn.equivalentTo('native', 9),
        expect(video.encoding).on(hypervisors).warn.equivalentTo('native', 9),
      ],
      {
        quote:
          'with more complex CPU-bound tasks, such as re-encoding a video using ffmpeg, ' +
          'differences in performance overhead become apparent',
        margins: 'a difference: a penalty of 9 % or more on at least one platform',
      },
    ),
    part('OSv is severely slow at it', [expect(video.encoding).on('osv').worseThan(most, { by: '1.25x' })], {
      quote:
        'the platforms that implement custom thread schedulers (e.g., OSv) appear to experience ' +
        'a severe performance penalty',
      margins: 'severe: 25 % or more above the median of most',
    }),
  ],
  { source: { ...paper, section: '3.1', figures: [5] } },
)

/** Printed in the paper's section on memory. The memory benches cover the cost of memory. */
finding(
  2,
  'All containers, secure ones included, are on par with native for CPU-bound tasks',
  [
    part(
      'the regular containers',
      [
        expect(prime.events).on(containers).equivalentTo('native', 5),
        expect(video.encoding).on(containers).equivalentTo('native', 5),
      ],
      {
        quote: 'All containers, including secure containers, perform on-par with native for CPU-bound tasks',
        margins: 'on par: within ±5 % of native',
      },
    ),
    part(
      'the secure containers',
      [
        expect(prime.events).on(secure).equivalentTo('native', 5),
        expect(video.encoding).on(secure).equivalentTo('native', 5),
      ],
      { quote: 'including secure containers', margins: 'on par: within ±5 % of native' },
    ),
  ],
  { source: { ...paper, section: '3.2', figures: [] } },
)

/** Of the specification's promises, the one that this bench can decide. */
finding(
  '2026-2',
  'A guest of Firecracker reaches more than 95 % of the CPU performance of bare metal',
  [
    part('more than 95 % of native', [expect(prime.events).on('firecracker').withinNative(5)], {
      quote: 'The compute-only guest CPU performance is `> 95%` of the equivalent bare-metal performance',
      margins: 'more than 95 %: at most 5 % below native',
    }),
  ],
  { source: firecrackerSpecification },
)
