/**
 * Whether isobench records what a tool prints. Every command of a sample runs once more in the same guest, a regular
 * expression of this file reads its output, and the two values are compared. The two ways alternate.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkOptions } from '../../src/commands/options.ts'
import type { MeasureContext } from '../../src/core/measure/context.ts'
import { GuestBundles } from '../../src/core/measure/guest-api.ts'
import { GuestPool } from '../../src/core/measure/guest-pool.ts'
import { loadWorkloads } from '../../src/core/measure/measure-project.ts'
import { measure } from '../../src/core/measure/sample.ts'
import { loadProject } from '../../src/core/project/config.ts'
import { createPlan } from '../../src/core/project/plan.ts'
import type { ResolvedPlatform } from '../../src/core/project/platforms.ts'
import type { LoadClientHost, LoadClientTarget } from '../../src/core/session/exec-target.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { median } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { dropCaches } from '../../src/host/mounts.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

interface Row {
  /** The name of the row in the output. */
  readonly what: string
  /** The end of the case's id. */
  readonly caseSuffix: string
  readonly metric: string
  /** The program with the value in its output: the last command of a sample with that name. */
  readonly program: string
  /** The value in that output, times `scale`, or the milliseconds of the command. */
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
    caseSuffix: '#video encoding',
    metric: 'encoding',
    program: 'ffmpeg',
    figure: /rtime=([\d.]+)s/,
    scale: 1000,
  },
  { what: 'ffmpeg, host clock', caseSuffix: '#video encoding', metric: 'duration', program: 'ffmpeg', figure: 'time' },
  {
    what: 'sysbench cpu',
    caseSuffix: '#prime verification',
    metric: 'events',
    program: 'sysbench',
    figure: /events per second: *([\d.]+)/,
  },
  {
    what: 'isobench-memory latency',
    caseSuffix: '[log2bytes=26]',
    metric: 'latency',
    program: 'isobench-memory',
    figure: /67108864 : +([\d.]+) ns/,
  },
  {
    what: 'isobench-memory copy',
    caseSuffix: '#memory copy',
    metric: 'plain',
    program: 'isobench-memory',
    figure: /^ C copy +: +([\d.]+) MB/m,
  },
  {
    what: 'isobench-memory copy, SSE2',
    caseSuffix: '#memory copy',
    metric: 'sse2',
    program: 'isobench-memory',
    figure: /^ SSE2 copy +: +([\d.]+) MB/m,
  },
  { what: 'STREAM', caseSuffix: '#STREAM', metric: 'copy', program: 'isobench-memory', figure: /^Copy: +([\d.]+)/m },
  {
    what: 'fio read',
    caseSuffix: '#file throughput [rw=read]',
    metric: 'bandwidth',
    program: 'fio',
    figure: fioRate('read'),
    scale: 1e-6,
    cold: true,
  },
  {
    what: 'fio write',
    caseSuffix: '#file throughput [rw=write]',
    metric: 'bandwidth',
    program: 'fio',
    figure: fioRate('write'),
    scale: 1e-6,
    cold: true,
  },
  {
    what: 'fio random read',
    caseSuffix: '#random read latency',
    metric: 'mean',
    program: 'fio',
    figure: /"lat_ns" : \{[^}]*?"mean" : ([\d.]+)/,
    scale: 1e-3,
    cold: true,
  },
  {
    what: 'iperf3 to the guest',
    caseSuffix: '[to=guest]',
    metric: 'bandwidth',
    program: 'iperf3',
    figure: received,
    scale: 1e-9,
  },
  {
    what: 'iperf3 to the client',
    caseSuffix: '[to=client]',
    metric: 'bandwidth',
    program: 'iperf3',
    figure: received,
    scale: 1e-9,
  },
  { what: 'netperf TCP_RR', caseSuffix: '[protocol=tcp]', metric: 'mean', program: 'netperf', figure: mean },
  { what: 'netperf UDP_RR', caseSuffix: '[protocol=udp]', metric: 'mean', program: 'netperf', figure: mean },
  {
    what: 'memcached under YCSB',
    caseSuffix: '[client=embedded]',
    metric: 'throughput',
    program: 'node',
    figure: /^\[OVERALL\], Throughput\(ops\/sec\), ([\d.]+)$/m,
  },
  {
    what: 'sysbench oltp',
    caseSuffix: '[threadsPerCpu=3]',
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
    const noted = (sandbox: LoadClientTarget) => ({ ...sandbox, execArgv: this.#noting(sandbox.execArgv) })
    return { ...noted(client), inNetns: (netns) => noted(client.inNetns(netns)) }
  }

  platform(platform: ResolvedPlatform): ResolvedPlatform {
    const { driver } = platform
    const open: typeof driver.boot = async (sandbox, options) => {
      const handle = await driver.boot(sandbox, options)
      return { ...handle, execArgv: this.#noting(handle.execArgv.bind(handle)) }
    }
    return { ...platform, driver: { ...driver, boot: open } }
  }
}

const env = { PATH: process.env.PATH, LC_ALL: 'C', HOME: '/root' }

/** Runs all commands again, as in a shell, and reads the value. */
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
      // A later command of the log ends this server.
      const server = spawn(host[0], host.slice(1), { env, stdio: 'ignore' })
      servers.push(once(server, 'exit'))
    } else if (argv[0] === 'socat') {
      while (run(host).status !== 0) await sleep(50)
    } else {
      if (at === last && cold) await dropCaches()
      let done = run(host)
      // As the bench does, because iperf3's server may not listen again yet.
      for (let again = 0; again < 10 && done.status !== 0 && argv[0] === 'iperf3'; again++) done = run(host)
      const { status, output, milliseconds } = done
      if (status !== 0 && !script.startsWith('kill')) throw new Error(`${argv.join(' ')}: exit ${status}: ${output}`)
      if (at === last) found = figure === 'time' ? milliseconds : Number(figure.exec(output)?.[1]) * scale
    }
  }
  await Promise.all(servers)
  if (found === undefined || !(found > 0)) throw new Error(`${program} printed no value`)
  return found
}

interface Options {
  readonly platform: string
  /** Parts of names of rows. An empty list selects all. */
  readonly only: readonly string[]
  readonly alternations: number
}

/** Prints for each tool the ratio of the medians over the alternations. */
async function compare(
  root: string,
  { platform, only, alternations }: Options,
  print: (line: string) => void,
): Promise<void> {
  const project = await loadProject(root)
  const options = checkOptions('tools', {}, { profile: ['full'], seconds: ['2'], platform: [platform] })
  const { plan, platforms, collected } = await createPlan(project, drivers, { ...options, shard: undefined })
  const signal = new AbortController().signal
  await using session = await HostSession.open(project.guest, { purpose: 'evidence: tools', wait: true, signal })
  const image = await ensureImage(project.image, { journal: session.journal })
  const log = new Log()
  await using pool = new GuestPool(session, image.rootfs, 120)
  const context: MeasureContext = {
    plan: { ...plan, platforms: [] },
    image,
    platforms: new Map(platforms.map((one) => [one.spec.name, log.platform(one)])),
    workloads: await loadWorkloads(root, collected, plan),
    bundles: new GuestBundles(root),
    client: log.client(await session.loadClient(image.rootfs)),
    pool,
    session,
    exec: runTimed,
  }
  for (const row of rows.filter(({ what }) => only.length === 0 || only.some((part) => what.includes(part)))) {
    const benchCase = plan.cases.find(({ id }) => id.endsWith(row.caseSuffix))
    if (!benchCase) throw new Error(`the suite has no case ${row.caseSuffix}`)
    const recorded = async () => {
      log.entered = []
      const { outcome } = await measure({ case: benchCase, platform }, 0, context)
      if (!outcome.ok) throw new Error(`${benchCase.id}: ${outcome.error}`)
      return outcome.values[row.metric]!
    }
    const again = () => {
      const { entered } = log
      return pool.use(context.platforms.get(platform)!, 'round', () => byHand(entered, row))
    }
    // The first sample of a guest also prepares it, for example with a database.
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
    print(
      `tools: ${row.what} on ${platform}: recorded ${a.toPrecision(4)}, by hand ${b.toPrecision(4)}, ` +
        `ratio ${(a / b).toFixed(3)} (goal: 1.00 ± 0.05; spread ${spread(ours)} and ${spread(theirs)})`,
    )
    await pool.endRound()
  }
}

export const tools: Measurement = {
  description: "values in records against those in the tools' output",
  options: { platform: 'one name; runc', only: 'parts of names of rows; all', runs: 'alternations; 5' },
  run: ({ root, options, print }) =>
    compare(
      root,
      {
        platform: options.platform ?? 'runc',
        only: listOption(options.only) ?? [],
        alternations: countOption(options.runs, 5),
      },
      print,
    ),
}
