/** Alternates the load generator and memcaslap of libmemcached-tools: same server, sizes, connections and mix. */

import { routeToGuest, workloadClient, workloadGuest } from '../../src/core/measure/guest-api.ts'
import { loadProject } from '../../src/core/project/config.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { median } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { native } from '../../src/platforms/native.ts'
import { command, memcached, ycsb } from '../../src/tools/index.ts'
import type { Measurement } from './measurement.ts'

const port = 11211
const connections = 16
const seconds = 3
const alternations = 5

/**
 * Keys and values as long as those of YCSB, with as many sets as gets. memcaslap's keys are equally likely. YCSB's keys
 * are zipfian, which costs the load generator a draw and a hash per key.
 */
const workloadA = 'key\n33 33 1\nvalue\n1121 1121 1\ncmd\n0 0.5\n1 0.5\n'
const config = '/data/memcaslap.cnf'

/** Prints operations per second and CPU time per operation of both, against one native memcached. */
async function compare(root: string, print: (line: string) => void): Promise<void> {
  const project = await loadProject(root)
  const { signal } = new AbortController()
  await using session = await HostSession.open(project.guest, { purpose: 'evidence: client', wait: true, signal })
  const { rootfs } = await ensureImage(project.image, { journal: session.journal })
  await using sandbox = await session.createSandbox(rootfs, 60)
  const handle = await native.boot(sandbox, native.options.parse({}))
  const { caller, address } = routeToGuest(await session.loadClient(rootfs), sandbox, handle)
  const bounds = { until: performance.now() + 600_000, signal, exec: runTimed }
  const guest = workloadGuest({ ...handle, name: 'native', rootfs }, caller, address, bounds)
  const { exec } = workloadClient(caller, bounds, () => {})
  await using server = await guest.serve(memcached.server({ port, memory: 256, threads: 1 }), { port })
  const load = { host: server.address, port, connections, records: 16_000 }
  await exec(command('tee', config), { input: workloadA })
  // The smallest window is 1,000 objects per connection, so 16 connections use 16,000.
  const how = ['--threads=1', `--concurrency=${connections}`, '--win_size=1k', `--cfg_cmd=${config}`]
  const time = [`--time=${seconds}s`, `--stat_freq=${seconds + 1}s`]
  const slap = command('memcaslap', `--servers=${server.address}:${port}`, ...how, ...time)
  const withCpu = async (run: () => Promise<number>) => {
    const before = caller.cpuSeconds()
    const perSecond = await run()
    const after = caller.cpuSeconds()
    const cpu = before === null || after === null ? Number.NaN : (1e6 * (after - before)) / (perSecond * seconds)
    return { perSecond, cpu }
  }
  const ours = async () => {
    // Every time, because memcaslap fills the server's memory on a fast host and evicts the records.
    await exec(ycsb.load(load))
    return withCpu(async () => ycsb.parse((await exec(ycsb.run({ ...load, seconds }))).stdout).operationsPerSecond)
  }
  const theirs = () => withCpu(async () => memcached.parse((await exec(slap)).stdout).operationsPerSecond)
  const all: { ours: Awaited<ReturnType<typeof ours>>; theirs: Awaited<ReturnType<typeof theirs>> }[] = []
  for (let n = 0; n < alternations; n++) {
    const first = n % 2 === 0 ? await ours() : undefined
    const their = await theirs()
    const one = { ours: first ?? (await ours()), theirs: their }
    all.push(one)
    print(
      `client: isobench ${one.ours.perSecond.toFixed(0)} operations/s at ${one.ours.cpu.toFixed(1)} µs of CPU each, ` +
        `memcaslap ${their.perSecond.toFixed(0)} at ${their.cpu.toFixed(1)}`,
    )
  }
  const of = (who: 'ours' | 'theirs') => median(all.map((one) => one[who].perSecond))
  print(
    `client: ${alternations} alternations of ${seconds} s over ${connections} connections: isobench over memcaslap ` +
      `${(of('ours') / of('theirs')).toFixed(3)} (goal: at least 1)`,
  )
}

export const client: Measurement = {
  description: 'the load generator against memcaslap',
  options: {},
  run: ({ root, print }) => compare(root, print),
}
