/**
 * The cost of tracing for the workloads of the attack profile: traced over untraced time for the same work in the same
 * rounds. Also the Jaccard index of the names that a workload calls in two rounds.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { attackProfileOf, type Sample } from '../../src/core/model/record.ts'
import { platformRoles, tracedCalls } from '../../src/core/model/traced-calls.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { median } from '../../src/core/stats/index.ts'
import type { TraceSource } from '../../src/dsl/traced.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

/** The workloads of `attack-workloads.ts` with their metric: a rate, or the time of a boot that sleeps for a second. */
const workloads = {
  cpu: 'events',
  memory: 'transferred',
  files: 'operations',
  network: 'bandwidth',
  startAndStop: 'duration',
} as const
type Name = keyof typeof workloads
const names = Object.keys(workloads) as Name[]
const sources: readonly TraceSource[] = ['syscalls', 'functions']

const tracedBench = (name: Name, source: TraceSource) =>
  `bench('${name} ${source}', workload.traced(${name}, { source: '${source}' }))`

const tracedBenches = (source: TraceSource) =>
  `export const ${source} = [${names.map((name) => tracedBench(name, source)).join(', ')}]`

const benchesBy = (chosen: readonly TraceSource[]) => `import { bench, workload } from 'isobench'
import { ${names.join(', ')} } from './attack-workloads.ts'
export const untraced = [${names.map((name) => `bench('${name} untraced', ${name})`).join(', ')}]
${chosen.map(tracedBenches).join('\n')}
`

/** The time of one unit of work, without the second that a boot sleeps. */
const timeOf = (name: Name, value: number) => (name === 'startAndStop' ? value - 1000 : 1 / value)

function timesOf(samples: readonly Sample[], platform: string, name: Name, how: string): Map<number, number> {
  const own = samples.filter((one) => one.platform === platform && one.case.endsWith(`#${name} ${how}`) && !one.warmup)
  return new Map(
    own.flatMap(({ round, outcome }) =>
      outcome.ok
        ? [[round, timeOf(name, (outcome.attackProfile?.workloadMetrics ?? outcome.values)[workloads[name]]!)]]
        : [],
    ),
  )
}

/** The names that the work of each round used. */
function profilesIn(samples: readonly Sample[], platform: string, name: Name, how: string): string[][] {
  const profiles = samples.flatMap((one) => {
    const profile = attackProfileOf(one)
    return one.platform === platform && one.case.endsWith(`#${name} ${how}`) && !one.warmup && profile ? [profile] : []
  })
  return tracedCalls(profiles)(platformRoles).work.map(Object.keys)
}

interface Options {
  readonly platforms: readonly string[]
  readonly rounds: number
  readonly by: readonly TraceSource[]
}

/**
 * Prints the median, minimum and maximum of the rounds' ratios for each platform, workload and source. The report of
 * the run goes to standard error.
 */
function compare(root: string, { platforms, rounds, by: chosen }: Options, print: (line: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
  try {
    mkdirSync(join(folder, 'benches'))
    cpSync(join(root, 'benches/isolation/attack-workloads.ts'), join(folder, 'benches/attack-workloads.ts'))
    writeFileSync(join(folder, 'benches/it.bench.ts'), benchesBy(chosen))
    const list = platforms.map((name) => `platform('${name}')`).join(', ')
    const config = [
      "import { defineConfig, platform } from 'isobench'",
      `export default defineConfig({ platforms: [${list}] })\n`,
    ].join('\n')
    writeFileSync(join(folder, 'isobench.config.ts'), config)
    const report = join(folder, 'report.json')
    const args = [
      'run',
      '--wait-for-lock',
      '--rounds',
      String(rounds),
      '--seconds',
      '1',
      '--timeout',
      '600',
      '--reporter',
      'verbose',
      '--reporter',
      `json=${report}`,
    ]
    const { status } = spawnSync('node', [join(root, 'bin/isobench.js'), ...args], {
      cwd: folder,
      stdio: ['ignore', process.stderr.fd, 'inherit'],
    })
    // 4: without claims, nothing is evaluated.
    if (status !== 4) throw new Error(`the run ended with ${status}`)
    const { record } = JSON.parse(readFileSync(report, 'utf8')) as { record: string }
    const { samples, plan } = readRecord(record)
    print(
      `tracing: ${samples.length} samples, ${samples.filter(({ outcome }) => !outcome.ok).length} failed, ` +
        `load ${loadavg()[0]!.toFixed(1)}`,
    )
    for (const reason of new Set(
      plan.excluded.flatMap(({ reason: why, detail: reason }) => (why === 'tracer-unavailable' ? (reason ?? []) : [])),
    ))
      print(`tracing: excluded: ${reason}`)
    for (const by of chosen) {
      for (const platform of platforms) {
        for (const name of names) {
          const untraced = timesOf(samples, platform, name, 'untraced')
          const ratios = [...timesOf(samples, platform, name, by)].flatMap(([round, time]) => {
            const plain = untraced.get(round)
            return plain === undefined ? [] : [time / plain]
          })
          if (ratios.length === 0) continue
          const sets = profilesIn(samples, platform, name, by)
          const alike = sets.flatMap((one, at) => sets.slice(at + 1).map((other) => jaccard(one, other)))
          const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2))
          const names =
            alike.length > 0 ? `, ${median(alike).toFixed(2)}, at least ${Math.min(...alike).toFixed(2)}` : ''
          print(
            `tracing: ${by}, ${platform}, ${name}: traced over untraced time ` +
              `${median(ratios).toFixed(2)} [${least}, ${most}] in ${ratios.length} rounds; ` +
              `Jaccard of two rounds' names${names || ' unknown from one round'}`,
          )
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws {Error} if it is not a trace source */
function sourceOption(value: string | undefined): readonly TraceSource[] {
  const chosen = sources.filter((source) => value === undefined || source === value)
  if (chosen.length === 0) throw new Error(`--by takes ${sources.join(' or ')}, not "${value}".`)
  return chosen
}

export const tracing: Measurement = {
  description: 'the cost of tracing for the workloads of the attack profile',
  options: {
    platform: 'drivers; native,runc,gvisor',
    runs: 'rounds; 5',
    by: 'a trace source; syscalls and functions',
  },
  run: ({ root, options, print }) =>
    compare(
      root,
      {
        platforms: listOption(options.platform) ?? ['native', 'runc', 'gvisor'],
        rounds: countOption(options.runs, 5),
        by: sourceOption(options.by),
      },
      print,
    ),
}
