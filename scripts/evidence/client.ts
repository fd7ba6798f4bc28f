/** The embedded YCSB client against memcaslap of libmemcached-tools: the same server, sizes, connections and mix, in turns. */
import { routeToGuest, workloadClient, workloadGuest } from '../../src/core/measure/guest-api.ts'
import { loadProject } from '../../src/core/project/config.ts'
import { Session } from '../../src/core/session/session.ts'
import { median } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { native } from '../../src/platforms/native.ts'
import { command, memcached, ycsb } from '../../src/tools/index.ts'

const port = 11211
const connections = 16
const seconds = 3
const alternations = 5

/**
 * Keys and values as long as YCSB's, half of the operations sets and half gets. Its keys are all equally likely, where YCSB's are
 * zipfian, which costs the embedded client a draw and a hash for each.
 */
const workloadA = 'key\n33 33 1\nvalue\n1121 1121 1\ncmd\n0 0.5\n1 0.5\n'
const config = '/data/memcaslap.cnf'

/** Prints operations a second and CPU time an operation of both, against one native memcached. */
export async function client(root: string, say: (text: string) => void): Promise<void> {
  const project = await loadProject(root)
  const { signal } = new AbortController()
  await using session = await Session.open(project.guest, { purpose: 'bench:self', wait: true, signal })
  const { rootfs } = await ensureImage(project.image, { journal: session.journal })
  await using place = await session.createSandbox(rootfs, 60)
  const handle = await native.boot(place, native.options.parse({}))
  const { caller, address } = routeToGuest(await session.client(rootfs), place, handle)
  const bounds = { until: performance.now() + 600_000, signal }
  const guest = workloadGuest({ ...handle, name: 'native', rootfs }, caller, address, bounds)
  const { exec } = workloadClient(caller, bounds, () => {})
  await using server = await guest.serve(memcached.server({ port, memory: 256, threads: 1 }), { port })
  const load = { host: server.address, port, connections, records: 16_000 }
  await exec(command('tee', config), { input: workloadA })
  // Windows of a thousand objects, the smallest there are, make 16,000 of the 16 connections.
  const how = ['--threads=1', `--concurrency=${connections}`, '--win_size=1k', `--cfg_cmd=${config}`]
  const time = [`--time=${seconds}s`, `--stat_freq=${seconds + 1}s`]
  const slap = command('memcaslap', `--servers=${server.address}:${port}`, ...how, ...time)
  const watched = async (run: () => Promise<number>) => {
    const before = caller.cpuSeconds()
    const perSecond = await run()
    const after = caller.cpuSeconds()
    const cpu = before === null || after === null ? Number.NaN : (1e6 * (after - before)) / (perSecond * seconds)
    return { perSecond, cpu }
  }
  const ours = async () => {
    // Each time: on a fast host memcaslap fills the server's memory, and the records are evicted.
    await exec(ycsb.load(load))
    return watched(async () => ycsb.parse((await exec(ycsb.run({ ...load, seconds }))).stdout).operationsPerSecond)
  }
  const theirs = () => watched(async () => memcached.parse((await exec(slap)).stdout).operationsPerSecond)
  const all: { ours: Awaited<ReturnType<typeof ours>>; theirs: Awaited<ReturnType<typeof theirs>> }[] = []
  for (let n = 0; n < alternations; n++) {
    const first = n % 2 === 0 ? await ours() : undefined
    const their = await theirs()
    const one = { ours: first ?? (await ours()), theirs: their }
    all.push(one)
    say(
      `client: embedded ${one.ours.perSecond.toFixed(0)} operations/s at ${one.ours.cpu.toFixed(1)} µs of CPU each, memcaslap ${their.perSecond.toFixed(0)} at ${their.cpu.toFixed(1)}`,
    )
  }
  const of = (who: 'ours' | 'theirs') => median(all.map((one) => one[who].perSecond))
  say(
    `client: ${alternations} alternations of ${seconds} s over ${connections} connections: embedded over memcaslap ${(of('ours') / of('theirs')).toFixed(3)} (wanted: at least 1)`,
  )
}
