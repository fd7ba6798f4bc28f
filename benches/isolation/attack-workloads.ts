/** What the attack profile is taken of; beside the benches, so that what tracing costs can be measured with the same. */
import { higher, lower, workload } from 'isobench'
import { command, iperf3, sysbench } from 'isobench/tools'

const port = 5201
const seconds = (given: number) => Math.ceil(given)

/**
 * The five workloads of the paper's §4: sysbench's CPU, memory and file I/O tests, iperf3, and starting and stopping the
 * platform. Every platform has the same network and limits, because unlike set-up makes unlike profiles. The paper starts
 * a platform and stops it after a minute; here it idles for the profile's seconds.
 */
export const cpu = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds: given }) {
    const test = sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: seconds(given) })
    return { events: sysbench.parseCpu((await guest.exec(test)).stdout).eventsPerSecond }
  },
})

export const memory = workload('memory', {
  metrics: { transferred: higher('MiB/s') },
  async run({ guest, seconds: given }) {
    const test = sysbench.memory({ threads: 1, blockSize: '1K', operation: 'write', seconds: seconds(given) })
    return { transferred: sysbench.parseMemory((await guest.exec(test)).stdout).mebibytesPerSecond }
  },
})

export const files = workload('file I/O', {
  metrics: { operations: higher('ops/s') },
  async run({ guest, seconds: given }) {
    const set = { directory: guest.data, totalSize: '64M', files: 16 }
    await guest.exec(sysbench.fileioPrepare(set), { untraced: true })
    const test = sysbench.fileio({ ...set, threads: 1, mode: 'rndrw', seconds: seconds(given) })
    return { operations: sysbench.parseFileio((await guest.exec(test)).stdout).operationsPerSecond }
  },
})

export const network = workload('network', {
  metrics: { bandwidth: higher('Mbit/s') },
  async run({ guest, client, seconds: given }) {
    await using server = await guest.serve(iperf3.server({ port, once: false }), { port })
    const { stdout } = await client.exec(iperf3.client({ host: server.address, port, seconds: seconds(given) }))
    return { bandwidth: iperf3.parse(stdout).bitsPerSecond / 1e6 }
  },
})

export const startAndStop = workload.boot('start and stop', {
  metrics: { duration: lower('ms') },
  async run({ boot, seconds: given }) {
    return { duration: (await boot(command('sleep', seconds(given)))).milliseconds }
  },
})
