import { bench, expect, finding, platform, workload } from 'isobench'
import { cpu, files, memory, network, startAndStop } from './attack-workloads.ts'

/** The benches of one instrument. Their figures are never compared with those of the other. */
const by = <const I extends 'functions' | 'syscalls'>(instrument: I) => {
  const options = { tags: ['isolation', 'slow', instrument, 'figure-18'] }
  return {
    cpu: bench(
      `attack profile by ${instrument}: cpu`,
      workload.traced(cpu, { source: instrument, workMetric: 'events' }),
      options,
    ),
    memory: bench(
      `attack profile by ${instrument}: memory`,
      workload.traced(memory, { source: instrument, workMetric: 'transferred' }),
      options,
    ),
    files: bench(
      `attack profile by ${instrument}: file I/O`,
      workload.traced(files, { source: instrument, workMetric: 'operations' }),
      options,
    ),
    network: bench(
      `attack profile by ${instrument}: network`,
      workload.traced(network, { source: instrument, workMetric: 'bandwidth' }),
      options,
    ),
    boot: bench(
      `attack profile by ${instrument}: start and stop`,
      workload.traced(startAndStop, { source: instrument }),
      options,
    ),
  }
}

export const functions = by('functions')
export const syscalls = by('syscalls')

/** How wide: distinct functions, or system calls where this host's kernel forbids to trace its functions. */
const widths = [
  ...Object.values(functions).map((one) => expect(one.functions)),
  ...Object.values(syscalls).map((one) => expect(one.syscalls).asFallback('by syscalls')),
]

/** How often: calls for the same work, since the platforms do not get as much of it done in the same time. */
const calls = [
  ...Object.values(functions).map((one) => expect(one.functionCallsPerUnit)),
  ...Object.values(syscalls).map((one) => expect(one.syscallCallsPerUnit).asFallback('by syscalls')),
]

/** "Most often" is about calls; the paper names QEMU as what it is compared with. */
finding(
  24,
  'Firecracker calls into the host kernel most often of all platforms',
  calls.flatMap((count) =>
    ['qemu', 'cloud-hypervisor', 'docker', 'lxc', 'gvisor', 'kata'].map((other) =>
      count.on('firecracker').worseThan(other),
    ),
  ),
)

const others = platform.medianOf('native', 'docker', 'lxc', 'qemu', 'firecracker', 'gvisor', 'kata', 'osv')

/** The authors suspect that Cloud Hypervisor was unfinished: that it has grown since would be no surprise. */
finding(
  25,
  'Cloud Hypervisor calls very few functions of the host kernel',
  widths.flatMap((width) => [
    width.on('cloud-hypervisor').betterThan('firecracker', { by: '2x' }),
    width.on('cloud-hypervisor').betterThan(others),
  ]),
  { failOn: 'never' },
)

finding(
  26,
  'The secure containers call more of the host kernel than the regular containers',
  widths.flatMap((width) =>
    ['docker', 'lxc'].map((container) => width.on(platform.named('gvisor', 'kata')).worseThan(container)),
  ),
)

finding(
  27,
  'OSv calls the host kernel sparingly, so a hypervisor need not mean a wide profile',
  widths.flatMap((width) => ['qemu', 'docker', 'lxc'].map((other) => width.on('osv').betterThan(other))),
)

/** An argument about what the profile cannot show: a platform with a layer more than Docker that reaches more, not less. */
finding(
  28,
  'The horizontal attack profile does not capture defence in depth',
  widths.map((width) => width.on(platform.named('gvisor', 'kata')).worseThan('docker')),
  { failOn: 'never', qualitative: 'an argument about the metric, which no measurement decides' },
)
