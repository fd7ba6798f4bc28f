import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BootedGuest,
  bench,
  expect,
  finding,
  type GuestMemory,
  higher,
  lower,
  part,
  unit,
  workload,
} from 'isobench'
import { command, netperf } from 'isobench/tools'
import { gkeRuntimes } from '../sources.ts'

const MiB = 1024 ** 2
const port = 12865

/** A small request has to take this much longer, at its 99th percentile, to end the search. */
const slower = 2

/** What all guests take: each has its own cgroups, and the growth of daemons since the first boot is common. */
function sumOf(memories: readonly GuestMemory[]): { readonly all: number; readonly unreclaimable: number } {
  const daemons = memories[0]?.daemons ?? 0
  const own = memories.reduce((sum, one) => sum + one.total - (one.daemons ?? 0), 0)
  const pageCache = memories.reduce((sum, one) => sum + one.pageCache, 0)
  return { all: own + daemons, unreclaimable: own + daemons - pageCache }
}

/**
 * How many idle guests fit: guests are booted one after the other until a small request to the first one takes twice as
 * long at its 99th percentile, a boot fails, memory runs out, or there are `most` guests. All guests are in one cgroup
 * with a hard limit of `memory` MiB, so the host keeps the rest. Guests that do not answer at the end do not count.
 *
 * `hostPerGuest` is the drop of the host's available memory, which no cgroup is needed for. It includes what the kernel
 * charges to none, and excludes page cache. It is noisy below some MiB per guest. `difference` is how far it is from
 * the memory of the cgroups without their page cache.
 */
const density = workload.guests('guests that fit', {
  metrics: {
    guests: higher('count'),
    guestsPerGiB: unit('guests/GiB', { better: 'higher' }),
    time: lower('s'),
    perGuest: lower('MiB'),
    hostPerGuest: lower('MiB'),
    difference: lower('%'),
    p99Alone: lower('us'),
    p99: lower('us'),
    failedBoots: lower('count'),
    lost: lower('count'),
  },
  params: { most: [4, 32, 256], memory: [256, 1024, 8192] },
  async run({ boot, limitMemory, availableMemoryBytes, seconds, signal, params: { most, memory } }) {
    const settle = () => sleep(seconds * 1000, undefined, { signal })
    limitMemory(memory * MiB)
    // The first guest pays for what all guests share, and the server runs in it.
    const first = await boot()
    const server = await first.serve(netperf.server({ port }), { port })
    const p99 = async (): Promise<number> => {
      const test = netperf.rr({ protocol: 'tcp', host: server.address, port, seconds: Math.ceil(seconds) })
      return netperf.parse((await first.client.exec(test)).stdout).p99Us
    }
    // The slower one of two, because a single disturbance must not look like a full host.
    const p99Alone = Math.max(await p99(), await p99())
    await settle()
    const before = { own: await first.memory(), available: availableMemoryBytes() }
    const started = performance.now()
    const more: BootedGuest[] = []
    const result = { p99: p99Alone, failedBoots: 0 }
    try {
      while (1 + more.length < most) {
        more.push(await boot())
        const isPowerOfTwo = Number.isInteger(Math.log2(1 + more.length))
        if (!isPowerOfTwo) continue
        result.p99 = await p99()
        if (result.p99 >= slower * p99Alone) result.p99 = Math.min(result.p99, await p99())
        if (result.p99 >= slower * p99Alone) break
      }
    } catch {
      signal.throwIfAborted()
      result.failedBoots = 1
    }
    const time = (performance.now() - started) / 1000
    await settle()
    const available = availableMemoryBytes()
    const memories = [await first.memory(), ...(await Promise.all(more.map((guest) => guest.memory())))]
    const answers = await Promise.all([first, ...more].map(isAlive))
    signal.throwIfAborted()
    const guests = answers.filter(Boolean).length
    const total = sumOf(memories)
    const drop = before.available - available
    const grown = total.unreclaimable - sumOf([before.own]).unreclaimable
    // A drop of nothing means that other processes returned memory at the same time.
    const isObserved = more.length > 0 && drop > 0 && grown > 0
    return {
      guests,
      guestsPerGiB: guests === 0 ? 0 : (guests * 1024 * MiB) / total.all,
      time,
      perGuest: total.all / memories.length / MiB,
      hostPerGuest: isObserved ? drop / more.length / MiB : null,
      difference: isObserved ? (100 * Math.abs(drop - grown)) / grown : null,
      p99Alone,
      p99: result.p99,
      failedBoots: result.failedBoots,
      lost: answers.length - guests,
    }
  },
})

const isAlive = (guest: BootedGuest): Promise<boolean> =>
  guest.exec(command('/bin/busybox', 'true')).then(
    () => true,
    () => false,
  )

export const densityBench = bench('density', density, {
  params: { most: [32], memory: [1024] },
  profiles: { paper: { most: [256], memory: [8192] } },
  tags: ['density', 'slow', 'footprint'],
  timeout: 900,
})

finding(
  '2026-5',
  'Twice as many guests of gVisor as of Kata fit on a host',
  [
    part(
      'twice as many guests of gVisor fit',
      [expect(densityBench.guestsPerGiB).on('gvisor').betterThan('kata', { by: '2x' })],
      {
        quote: 'Kata (`kata-clh`) | No Swap (Tuned) | 40 Pods',
        margins: '"gVisor (`runsc`) | No Swap (Tuned) | 80 Pods", which is twice as many. Kata with QEMU has 20',
      },
    ),
  ],
  { source: gkeRuntimes },
)
