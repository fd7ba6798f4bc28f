import { bench, expect, finding, higher, platform, workload } from 'isobench'
import { sysbench } from 'isobench/tools'
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

const secure = platform.named('gvisor', 'kata')
/** Selected by name, because the paper did not measure user-mode Linux. */
const hypervisors = platform.named('qemu', 'qemu-q35', 'qemu-qboot', 'qemu-microvm', 'firecracker', 'cloud-hypervisor')
const most = platform.medianOf('native', 'docker', 'lxc', 'qemu', 'firecracker', 'cloud-hypervisor')

finding(
  1,
  'No platform slows prime verification down; encoding video shows differences, and OSv is severely slow at it',
  [
    expect(prime.events)
      .on(platform.family('container', 'secure-container', 'unikernel'))
      .withinNative(5),
    expect(prime.events).on(hypervisors).withinNative(5),
    expect(video.encoding).on('osv').worseThan(most, { by: '1.25x' }),
    expect(video.encoding).on(platform.family('container')).withinNative(9),
    expect(video.encoding).on(hypervisors).withinNative(9),
    expect(video.encoding).on(secure).warn.withinNative(9),
  ],
)

/**
 * Video encoding on secure containers is judged but does not fail the run: the guest has one CPU instead of the paper's
 * 16, and gVisor's own threads use a part of it. The paper prints this finding in its section on memory. The memory
 * benches cover the cost of memory.
 */
finding(2, 'All containers, secure ones included, are on par with native for CPU-bound tasks', [
  expect(prime.events).on(platform.family('container')).withinNative(5),
  expect(prime.events).on(secure).withinNative(5),
  expect(video.encoding).on(platform.family('container')).withinNative(5),
  expect(video.encoding).on(secure).warn.withinNative(5),
])
