/**
 * What tracing costs the workloads of the attack profile: traced over untraced time for the same work, in the same rounds. And
 * how alike the sets of names are that the same workload reaches in two rounds.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../src/core/model/record.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { median } from '../../src/core/stats/index.ts'
import type { TraceSource } from '../../src/dsl/traced.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'

/** By the workload's name in `attack-workloads.ts`: its metric, a rate or the time of a boot that sleeps for a second. */
const workloads = {
  cpu: 'events',
  memory: 'transferred',
  files: 'operations',
  network: 'bandwidth',
  startAndStop: 'duration',
} as const
type Name = keyof typeof workloads
const names = Object.keys(workloads) as Name[]
export const instruments: readonly TraceSource[] = ['syscalls', 'functions']

const benchesBy = (chosen: readonly TraceSource[]) => `import { bench, workload } from 'isobench'
import { ${names.join(', ')} } from './attack-workloads.ts'
export const untraced = [${names.map((name) => `bench('${name} untraced', ${name})`).join(', ')}]
${chosen.map((by) => `export const ${by} = [${names.map((name) => `bench('${name} ${by}', workload.traced(${name}, { by: '${by}' }))`).join(', ')}]`).join('\n')}
`

/** What one unit of work took; the second that a boot sleeps is no cost of anything. */
const timeOf = (name: Name, value: number) => (name === 'startAndStop' ? value - 1000 : 1 / value)

function timesOf(samples: readonly Sample[], platform: string, name: Name, how: string): Map<number, number> {
  const own = samples.filter(
    (one) => one.platform === platform && one.case.endsWith(`#${name} ${how}`) && !one.warmup && one.values,
  )
  return new Map(
    own.map(({ round, values, attackProfile: profile }) => [
      round,
      timeOf(name, (profile?.workloadMetrics ?? values!)[workloads[name]]!),
    ]),
  )
}

/** The names that each round reached. */
function profilesIn(samples: readonly Sample[], platform: string, name: Name, how: string): string[][] {
  return samples.flatMap(({ attackProfile: profile, ...one }) =>
    one.platform === platform && one.case.endsWith(`#${name} ${how}`) && !one.warmup && profile
      ? [Object.keys(profile.work)]
      : [],
  )
}

export interface TracingOptions {
  readonly platforms: readonly string[]
  readonly rounds: number
  readonly by: readonly TraceSource[]
}

/**
 * Says for each platform, workload and instrument the median of the rounds' ratios, with the least and the greatest. The run's
 * own report goes to standard error.
 */
export function tracing(
  root: string,
  { platforms, rounds, by: chosen }: TracingOptions,
  say: (text: string) => void,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-self-'))
  try {
    mkdirSync(join(folder, 'benches'))
    cpSync(join(root, 'benches/isolation/attack-workloads.ts'), join(folder, 'benches/attack-workloads.ts'))
    writeFileSync(join(folder, 'benches/it.bench.ts'), benchesBy(chosen))
    const list = platforms.map((name) => `platform('${name}')`).join(', ')
    const config = `import { defineConfig, platform } from 'isobench'\nexport default defineConfig({ platforms: [${list}] })\n`
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
    // Nothing is claimed, so nothing is judged.
    if (status !== 4) throw new Error(`the run ended with ${status}`)
    const { record } = JSON.parse(readFileSync(report, 'utf8')) as { record: string }
    const { samples, plan } = readRecord(record)
    say(
      `tracing: ${samples.length} samples, ${samples.filter(({ error }) => error).length} failed, load ${loadavg()[0]!.toFixed(1)}`,
    )
    for (const reason of new Set(
      plan.excluded.flatMap(({ reason: why, detail: reason }) => (why === 'tracer-unavailable' ? (reason ?? []) : [])),
    ))
      say(`tracing: left out: ${reason}`)
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
          say(
            `tracing: ${by}, ${platform}, ${name}: traced over untraced time ${median(ratios).toFixed(2)} [${least}, ${most}] in ${ratios.length} rounds; Jaccard of two rounds' names${names || ' not told by one'}`,
          )
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
