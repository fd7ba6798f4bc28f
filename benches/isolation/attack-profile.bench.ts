import { bench, expect, finding, higher, lower, platform, workload } from 'isobench'
import { command, iperf3, sysbench } from 'isobench/tools'

const port = 5201
const seconds = (given: number) => Math.ceil(given)

/**
 * The five workloads of the paper's §4: sysbench's CPU, memory and file I/O tests, iperf3, and starting and stopping the
 * platform. Every platform has the same network and limits, because unlike set-up makes unlike profiles. The paper starts
 * a platform and stops it after a minute; here it idles for the profile's seconds.
 */
const cpu = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds: given }) {
    const test = sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: seconds(given) })
    return { events: sysbench.parseCpu((await guest.exec(test)).stdout).eventsPerSecond }
  },
})

const memory = workload('memory', {
  metrics: { transferred: higher('MiB/s') },
  async run({ guest, seconds: given }) {
    const test = sysbench.memory({ threads: 1, blockSize: '1K', operation: 'write', seconds: seconds(given) })
    return { transferred: sysbench.parseMemory((await guest.exec(test)).stdout).mebibytesPerSecond }
  },
})

const files = workload('file I/O', {
  metrics: { operations: higher('ops/s') },
  async run({ guest, seconds: given }) {
    const set = { directory: guest.data, totalSize: '64M', files: 16 }
    await guest.exec(sysbench.fileioPrepare(set), { preparing: true })
    const test = sysbench.fileio({ ...set, threads: 1, mode: 'rndrw', seconds: seconds(given) })
    return { operations: sysbench.parseFileio((await guest.exec(test)).stdout).operationsPerSecond }
  },
})

const network = workload('network', {
  metrics: { bandwidth: higher('Mbit/s') },
  async run({ guest, client, seconds: given }) {
    await using server = await guest.serve(iperf3.server({ port, once: false }), { port })
    const { stdout } = await client.exec(iperf3.client({ host: server.address, port, seconds: seconds(given) }))
    return { bandwidth: iperf3.parse(stdout).bitsPerSecond / 1e6 }
  },
})

const startAndStop = workload.boot('start and stop', {
  metrics: { duration: lower('ms') },
  async run({ boot, seconds: given }) {
    return { duration: (await boot(command('sleep', seconds(given)))).milliseconds }
  },
})

/** The benches of one instrument. Their figures are never compared with those of the other. */
const by = <const I extends 'functions' | 'syscalls'>(instrument: I) => {
  const options = { tags: ['isolation', 'slow', instrument, 'figure-18'] }
  return {
    cpu: bench(
      `attack profile by ${instrument}: cpu`,
      workload.traced(cpu, { by: instrument, per: 'events' }),
      options,
    ),
    memory: bench(
      `attack profile by ${instrument}: memory`,
      workload.traced(memory, { by: instrument, per: 'transferred' }),
      options,
    ),
    files: bench(
      `attack profile by ${instrument}: file I/O`,
      workload.traced(files, { by: instrument, per: 'operations' }),
      options,
    ),
    network: bench(
      `attack profile by ${instrument}: network`,
      workload.traced(network, { by: instrument, per: 'bandwidth' }),
      options,
    ),
    boot: bench(
      `attack profile by ${instrument}: start and stop`,
      workload.traced(startAndStop, { by: instrument }),
      options,
    ),
  }
}

export const functions = by('functions')
export const syscalls = by('syscalls')

/** How wide: distinct functions, or system calls where this host's kernel forbids to trace its functions. */
const widths = [
  ...Object.values(functions).map((one) => expect(one.functions)),
  ...Object.values(syscalls).map((one) => expect(one.syscalls).fallback('by syscalls')),
]

/** How often: calls for the same work, since the platforms do not get as much of it done in the same time. */
const calls = [
  ...Object.values(functions).map((one) => expect(one.functionCallsPerUnit)),
  ...Object.values(syscalls).map((one) => expect(one.syscallCallsPerUnit).fallback('by syscalls')),
]

/** "Most often" is about calls; the paper names QEMU as what it is compared with. */
finding(
  24,
  'Firecracker calls into the host kernel most often of all platforms',
  calls.flatMap((count) =>
    ['qemu', 'cloud-hypervisor', 'docker', 'lxc', 'gvisor', 'kata'].map((other) =>
      count.on('firecracker').slowerThan(other),
    ),
  ),
)

const others = platform.medianOf('native', 'docker', 'lxc', 'qemu', 'firecracker', 'gvisor', 'kata', 'osv')

/** The authors suspect that Cloud Hypervisor was unfinished: that it has grown since would be no surprise. */
finding(
  25,
  'Cloud Hypervisor calls very few functions of the host kernel',
  widths.flatMap((width) => [
    width.on('cloud-hypervisor').fasterThan('firecracker', { by: '2x' }),
    width.on('cloud-hypervisor').fasterThan(others),
  ]),
  { gate: 'never' },
)

finding(
  26,
  'The secure containers call more of the host kernel than the regular containers',
  widths.flatMap((width) =>
    ['docker', 'lxc'].map((container) => width.on(platform.named('gvisor', 'kata')).slowerThan(container)),
  ),
)

finding(
  27,
  'OSv calls the host kernel sparingly, so a hypervisor need not mean a wide profile',
  widths.flatMap((width) => ['qemu', 'docker', 'lxc'].map((other) => width.on('osv').fasterThan(other))),
)

/** An argument about what the profile cannot show: a platform with a layer more than Docker that reaches more, not less. */
finding(
  28,
  'The horizontal attack profile does not capture defence in depth',
  widths.map((width) => width.on(platform.named('gvisor', 'kata')).slowerThan('docker')),
  { gate: 'never', qualitative: 'an argument about the metric, which no measurement decides' },
)
