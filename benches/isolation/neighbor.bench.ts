import { setTimeout as sleep } from 'node:timers/promises'
import { type BootedGuest, bench, expect, lower, quantile, type Service, workload } from 'isobench'
import { type Command, command, iperf3, memory, periodic } from 'isobench/tools'

/** Seconds that a neighbor works at most. isobench ends it with its guest. */
const longest = 600
const port = 5201
/** Milliseconds that the neighbor works before the victim starts. */
const lead = 500
/** How often the load generator tries to connect. */
const attempts = 10

/** Repeats a command of a shell. Its text is constant. */
const forever = (body: string) => command('/bin/busybox', 'sh', '-c', `while :; do ${body}; done`)

/** What the neighbor does. `idle` is the control: the guest is there, and does nothing. */
const commands: Readonly<Record<string, Command>> = {
  cpu: forever(':'),
  memory: memory.copy({ seconds: longest }),
  disk: forever('dd if=/dev/zero of=/data/fill bs=1M count=32 conv=notrunc,fsync 2>/dev/null'),
  'page cache': forever('dd if=/dev/zero of=/data/fill bs=1M count=256 conv=notrunc 2>/dev/null'),
  forks: forever('/bin/busybox true'),
}

/** @returns a function that throws if the work has ended */
function watch(work: Promise<unknown>): () => void {
  let end: string | undefined
  work.then(
    () => {
      end = 'it ended'
    },
    (error: unknown) => {
      end = String(error)
    },
  )
  return () => {
    if (end !== undefined) throw new Error(`the neighbor did not work until the end: ${end}`)
  }
}

/** The server in the neighbor's guest sends to the load generator as fast as it can. */
async function send({ client }: BootedGuest, { address }: Service): Promise<void> {
  const test = iperf3.client({ host: address, port, seconds: longest, reverse: true })
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { stdout } = await client.exec(test, { exitCodes: [0, 1] })
    if (!iperf3.isRefused(stdout)) return
    // After the port check, the server needs a moment to listen again.
    await sleep(lead / attempts)
  }
}

/** @returns a function that throws if the neighbor has stopped working */
async function startNeighbor(name: string, guest: BootedGuest): Promise<() => void> {
  if (name === 'idle') return () => {}
  if (name !== 'network') return watch(guest.exec(commands[name]!))
  const server = await guest.serve(iperf3.server({ port, once: false }), { port })
  return watch(send(guest, server))
}

/**
 * A victim with a latency-sensitive load, and a neighbor in another guest of the same platform: every 20 ms the victim
 * computes for about 5 ms, a quarter of a CPU. The latency of a job runs from when it was due to its end. Native beside
 * native is the control: what is more than that is the platform's.
 *
 * With shared CPUs both guests have the same CPU with equal weight. With separate CPUs they share the rest of the host:
 * memory bandwidth, disk, page cache, kernel.
 */
const victim = workload.guests('a periodic job beside a neighbor', {
  metrics: { p50: lower('ms'), p99: lower('ms') },
  params: {
    neighbor: ['idle', 'cpu', 'memory', 'disk', 'page cache', 'forks', 'network'],
    cpus: ['shared', 'separate'],
  },
  async run({ boot, seconds, params: { neighbor, cpus } }) {
    const own = await boot({ cpus })
    const other = await boot({ cpus })
    const check = await startNeighbor(neighbor, other)
    await sleep(lead)
    const { stdout } = await own.exec(periodic.command({ seconds: Math.max(2, seconds) }))
    check()
    const { latencies } = periodic.parse(stdout)
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  },
})

bench('neighbor', victim, {
  tags: ['isolation', 'neighbor', 'slow'],
  timeout: 120,
  expect: { p50: expect.warn.withinNative(100) },
})
