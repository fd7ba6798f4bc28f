/** The workloads of the attack profile. In their own file, so that scripts can measure what tracing costs. */

import { higher, lower, workload } from 'isobench'
import { command, iperf3, sysbench } from 'isobench/tools'

const port = 5201
const ceilSeconds = (seconds: number) => Math.ceil(seconds)

/**
 * The five workloads of the paper's §4: sysbench's CPU, memory and file I/O tests, iperf3, and starting and stopping
 * the platform. All platforms have the same network and limits, because a different setup would change the profile. The
 * paper starts a platform and stops it after a minute; here it idles for the seconds of the profile.
 */
export const cpu = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const test = sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: ceilSeconds(seconds) })
    return { events: sysbench.parseCpu((await guest.exec(test)).stdout).eventsPerSecond }
  },
})

export const memory = workload('memory', {
  metrics: { transferred: higher('MiB/s') },
  async run({ guest, seconds }) {
    const test = sysbench.memory({ threads: 1, blockSize: '1K', operation: 'write', seconds: ceilSeconds(seconds) })
    return { transferred: sysbench.parseMemory((await guest.exec(test)).stdout).mebibytesPerSecond }
  },
})

export const files = workload('file I/O', {
  metrics: { operations: higher('ops/s') },
  async run({ guest, seconds }) {
    const fileSet = { directory: guest.data, totalSize: '64M', files: 16 }
    await guest.exec(sysbench.fileioPrepare(fileSet), { untraced: true })
    const test = sysbench.fileio({ ...fileSet, threads: 1, mode: 'rndrw', seconds: ceilSeconds(seconds) })
    return { operations: sysbench.parseFileio((await guest.exec(test)).stdout).operationsPerSecond }
  },
})

export const network = workload('network', {
  metrics: { bandwidth: higher('Mbit/s') },
  async run({ guest, client, seconds }) {
    await using server = await guest.serve(iperf3.server({ port, once: false }), { port })
    const { stdout } = await client.exec(iperf3.client({ host: server.address, port, seconds: ceilSeconds(seconds) }))
    return { bandwidth: iperf3.parse(stdout).bitsPerSecond / 1e6 }
  },
})

export const startAndStop = workload.boot('start and stop', {
  metrics: { duration: lower('ms') },
  async run({ boot, seconds }) {
    return { duration: (await boot(command('sleep', ceilSeconds(seconds)))).milliseconds }
  },
})
