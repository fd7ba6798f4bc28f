/**
 * Whether isobench records what a tool says: every command of a sample is entered once more by hand into the same guest, its raw
 * output read by a regular expression of this file, and the two figures compared, in turns.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkOptions } from '../../src/commands/options.ts'
import type { MeasureContext } from '../../src/core/measure/context.ts'
import { GuestBundles } from '../../src/core/measure/guest-api.ts'
import { Stage } from '../../src/core/measure/guest-pool.ts'
import { loadWorkloads } from '../../src/core/measure/measure-project.ts'
import { measure } from '../../src/core/measure/sample.ts'
import { loadProject } from '../../src/core/project/config.ts'
import { createPlan } from '../../src/core/project/plan.ts'
import type { ResolvedPlatform } from '../../src/core/project/platforms.ts'
import type { LoadClientHost, LoadClientTarget } from '../../src/core/session/exec-target.ts'
import { Session } from '../../src/core/session/session.ts'
import { median } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { dropCaches } from '../../src/host/mounts.ts'
import { drivers } from '../../src/platforms/index.ts'

interface Row {
  /** What is compared, as it is printed. */
  readonly what: string
  /** The end of the point's id. */
  readonly point: string
  readonly metric: string
  /** The program whose output has the figure: the last one of that name in a sample. */
  readonly program: string
  /** The figure in that output, times `scale`; or the milliseconds that the command took here. */
  readonly figure: RegExp | 'time'
  readonly scale?: number
  readonly cold?: true
}

const fioRate = (side: string) => new RegExp(`"${side}" : \\{[^{]*?"bw_bytes" : (\\d+)`)
const received = /"sum_received":\s*\{[^}]*?"bits_per_second":\s*([\d.e+]+)/
const mean = /^MEAN_LATENCY=([\d.]+)$/m

const rows: readonly Row[] = [
  {
    what: 'ffmpeg',
    point: '#video encoding',
    metric: 'encoding',
    program: 'ffmpeg',
    figure: /rtime=([\d.]+)s/,
    scale: 1000,
  },
  { what: 'ffmpeg, host clock', point: '#video encoding', metric: 'duration', program: 'ffmpeg', figure: 'time' },
  {
    what: 'sysbench cpu',
    point: '#prime verification',
    metric: 'events',
    program: 'sysbench',
    figure: /events per second: *([\d.]+)/,
  },
  {
    what: 'isobench-memory latency',
    point: '[log2bytes=26]',
    metric: 'latency',
    program: 'isobench-memory',
    figure: /67108864 : +([\d.]+) ns/,
  },
  {
    what: 'isobench-memory copy',
    point: '#memory copy',
    metric: 'plain',
    program: 'isobench-memory',
    figure: /^ C copy +: +([\d.]+) MB/m,
  },
  {
    what: 'isobench-memory copy, SSE2',
    point: '#memory copy',
    metric: 'sse2',
    program: 'isobench-memory',
    figure: /^ SSE2 copy +: +([\d.]+) MB/m,
  },
  { what: 'STREAM', point: '#STREAM', metric: 'copy', program: 'isobench-memory', figure: /^Copy: +([\d.]+)/m },
  {
    what: 'fio read',
    point: '#file throughput [rw=read]',
    metric: 'bandwidth',
    program: 'fio',
    figure: fioRate('read'),
    scale: 1e-6,
    cold: true,
  },
  {
    what: 'fio write',
    point: '#file throughput [rw=write]',
    metric: 'bandwidth',
    program: 'fio',
    figure: fioRate('write'),
    scale: 1e-6,
    cold: true,
  },
  {
    what: 'fio random read',
    point: '#random read latency',
    metric: 'mean',
    program: 'fio',
    figure: /"lat_ns" : \{[^}]*?"mean" : ([\d.]+)/,
    scale: 1e-3,
    cold: true,
  },
  {
    what: 'iperf3 to the guest',
    point: '[to=guest]',
    metric: 'bandwidth',
    program: 'iperf3',
    figure: received,
    scale: 1e-9,
  },
  {
    what: 'iperf3 to the client',
    point: '[to=client]',
    metric: 'bandwidth',
    program: 'iperf3',
    figure: received,
    scale: 1e-9,
  },
  { what: 'netperf TCP_RR', point: '[protocol=tcp]', metric: 'mean', program: 'netperf', figure: mean },
  { what: 'netperf UDP_RR', point: '[protocol=udp]', metric: 'mean', program: 'netperf', figure: mean },
  {
    what: 'memcached under YCSB',
    point: '[client=embedded]',
    metric: 'throughput',
    program: 'node',
    figure: /^\[OVERALL\], Throughput\(ops\/sec\), ([\d.]+)$/m,
  },
  {
    what: 'sysbench oltp',
    point: '[threadsPerCpu=3]',
    metric: 'throughput',
    program: 'sysbench',
    figure: /transactions: +\d+ +\(([\d.]+) per sec/,
  },
]

/** A command that was entered: what in the guest or the client, and as which process of the host. */
interface Entered {
  readonly argv: readonly string[]
  readonly host: readonly [string, ...string[]]
}

/** Writes down every command that passes. */
class Log {
  entered: Entered[] = []

  #noting<A extends readonly string[]>(enter: (argv: A) => readonly [string, ...string[]]) {
    return (argv: A) => {
      const host = enter(argv)
      this.entered.push({ argv, host })
      return host
    }
  }

  client(client: LoadClientHost): LoadClientHost {
    const noted = (place: LoadClientTarget) => ({ ...place, execArgv: this.#noting(place.execArgv) })
    return { ...noted(client), inNetns: (netns) => noted(client.inNetns(netns)) }
  }

  platform(platform: ResolvedPlatform): ResolvedPlatform {
    const { driver } = platform
    const open: typeof driver.boot = async (place, options) => {
      const handle = await driver.boot(place, options)
      return { ...handle, execArgv: this.#noting(handle.execArgv.bind(handle)) }
    }
    return { ...platform, driver: { ...driver, boot: open } }
  }
}

const env = { PATH: process.env.PATH, LC_ALL: 'C', HOME: '/root' }

/** Enters all of them again, as someone at a shell would, and reads the figure. */
async function byHand(entered: readonly Entered[], { program, figure, scale = 1, cold }: Row): Promise<number> {
  const run = ([file, ...args]: Entered['host']) => {
    const started = performance.now()
    const { status, stdout, stderr } = spawnSync(file, args, { env, encoding: 'utf8', maxBuffer: 2 ** 26 })
    return { status, output: stdout + stderr, milliseconds: performance.now() - started }
  }
  const last = entered.findLastIndex(({ argv }) => argv[0] === program)
  let found: number | undefined
  const servers: Promise<unknown>[] = []
  for (const [at, { argv, host }] of entered.entries()) {
    const script = argv[0] === '/bin/sh' ? argv[2]! : ''
    if (script.includes('exec "$@"')) {
      // As isobench starts a server, which a later command of the log ends.
      const server = spawn(host[0], host.slice(1), { env, stdio: 'ignore' })
      servers.push(once(server, 'exit'))
    } else if (argv[0] === 'socat') {
      while (run(host).status !== 0) await sleep(50)
    } else {
      if (at === last && cold) await dropCaches()
      let done = run(host)
      // As the bench does: iperf3's server may be listening anew.
      for (let again = 0; again < 10 && done.status !== 0 && argv[0] === 'iperf3'; again++) done = run(host)
      const { status, output, milliseconds } = done
      if (status !== 0 && !script.startsWith('kill')) throw new Error(`${argv.join(' ')}: exit ${status}: ${output}`)
      if (at === last) found = figure === 'time' ? milliseconds : Number(figure.exec(output)?.[1]) * scale
    }
  }
  await Promise.all(servers)
  if (found === undefined || !(found > 0)) throw new Error(`${program} printed no figure`)
  return found
}

interface Options {
  readonly platform: string
  /** Substrings of rows; all without. */
  readonly only: readonly string[]
  readonly alternations: number
}

/** Prints for each tool the ratio of the medians over the alternations. */
export async function tools(
  root: string,
  { platform, only, alternations }: Options,
  say: (text: string) => void,
): Promise<void> {
  const project = await loadProject(root)
  const options = checkOptions('tools', {}, { profile: ['full'], seconds: ['2'], platform: [platform] })
  const { plan, platforms, collected } = await createPlan(project, drivers, options)
  const signal = new AbortController().signal
  await using session = await Session.open(project.guest, { purpose: 'bench:self', wait: true, signal })
  const image = await ensureImage(project.image, { journal: session.journal })
  const log = new Log()
  await using stage = new Stage(session, image.rootfs, 120)
  const means: MeasureContext = {
    plan: { ...plan, platforms: [] },
    image,
    platforms: new Map(platforms.map((one) => [one.spec.name, log.platform(one)])),
    workloads: await loadWorkloads(collected, plan),
    bundles: new GuestBundles(root),
    client: log.client(await session.client(image.rootfs)),
    ...stage,
    session,
  }
  for (const row of rows.filter(({ what }) => only.length === 0 || only.some((part) => what.includes(part)))) {
    const point = plan.cases.find(({ id }) => id.endsWith(row.point))
    if (!point) throw new Error(`the suite has no point ${row.point}`)
    const recorded = async () => {
      log.entered = []
      const { values, error } = await measure({ case: point, platform }, 0, means)
      if (!values) throw new Error(`${point.id}: ${error}`)
      return values[row.metric]!
    }
    const again = () => {
      const { entered } = log
      return stage.slots.round.with(means.platforms.get(platform)!, () => byHand(entered, row))
    }
    // The first sample of a guest also prepares it, as by making a database.
    await recorded()
    const [ours, theirs]: [number[], number[]] = [[], []]
    for (let n = 0; n < alternations; n++) {
      if (n % 2 === 0) ours.push(await recorded())
      theirs.push(await again())
      if (n % 2 === 1) ours.push(await recorded())
    }
    const [a, b] = [median(ours), median(theirs)]
    const spread = (all: readonly number[]) =>
      `${((100 * (Math.max(...all) - Math.min(...all))) / median(all)).toFixed(0)} %`
    say(
      `tools: ${row.what} on ${platform}: recorded ${a.toPrecision(4)}, by hand ${b.toPrecision(4)}, ratio ${(a / b).toFixed(3)} (wanted: 1.00 ± 0.05; spread ${spread(ours)} and ${spread(theirs)})`,
    )
    await stage.endRound()
  }
}
