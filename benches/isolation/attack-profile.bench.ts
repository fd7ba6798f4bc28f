import { bench, expect, finding, platform, workload } from 'isobench'
import { cpu, files, memory, network, startAndStop } from './attack-workloads.ts'

/** The benches of one trace source. Results of different sources are never compared. */
const benchesOf = <const I extends 'functions' | 'syscalls'>(source: I) => {
  const options = { tags: ['isolation', 'slow', source, 'figure-18'] }
  return {
    cpu: bench(`attack profile by ${source}: cpu`, workload.traced(cpu, { source, workMetric: 'events' }), options),
    memory: bench(
      `attack profile by ${source}: memory`,
      workload.traced(memory, { source, workMetric: 'transferred' }),
      options,
    ),
    files: bench(
      `attack profile by ${source}: file I/O`,
      workload.traced(files, { source, workMetric: 'operations' }),
      options,
    ),
    network: bench(
      `attack profile by ${source}: network`,
      workload.traced(network, { source, workMetric: 'bandwidth' }),
      options,
    ),
    boot: bench(`attack profile by ${source}: start and stop`, workload.traced(startAndStop, { source }), options),
  }
}

export const functions = benchesOf('functions')
export const syscalls = benchesOf('syscalls')

/** Number of distinct functions, or of distinct system calls if the host's kernel does not allow to trace functions. */
const widths = [
  ...Object.values(functions).map((traced) => expect(traced.functions)),
  ...Object.values(syscalls).map((traced) => expect(traced.syscalls).asFallback('by syscalls')),
]

/** Calls per unit of work, because platforms do different amounts of work in the same time. */
const calls = [
  ...Object.values(functions).map((traced) => expect(traced.functionCallsPerUnit)),
  ...Object.values(syscalls).map((traced) => expect(traced.syscallCallsPerUnit).asFallback('by syscalls')),
]

/** "Most often" refers to calls. The paper compares with QEMU by name. */
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

/** The authors suspect that Cloud Hypervisor was unfinished, so it may have grown since. */
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

/**
 * An argument about a limit of the profile: a platform with one more layer than Docker reaches more functions, not
 * fewer.
 */
finding(
  28,
  'The horizontal attack profile does not capture defence in depth',
  widths.map((width) => width.on(platform.named('gvisor', 'kata')).worseThan('docker')),
  { failOn: 'never', qualitative: 'an argument about the metric, which no measurement decides' },
)
