/** A run of the attack profile's workloads in a temporary project. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { countedSamples } from '../../src/core/judge/samples.ts'
import type { RunRecord, Sample } from '../../src/core/model/record.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import type { TraceSource } from '../../src/dsl/traced.ts'
import type { MeasurementContext } from './measurement.ts'

/** The workloads of `attack-workloads.ts` with their metric: a rate, or the time of a boot that sleeps for a second. */
export const workloads = {
  cpu: 'events',
  memory: 'transferred',
  files: 'operations',
  network: 'bandwidth',
  startAndStop: 'duration',
} as const
export type WorkloadName = keyof typeof workloads
export const workloadNames = Object.keys(workloads) as WorkloadName[]

const sources: readonly TraceSource[] = ['syscalls', 'functions']

/**
 * The trace source of an option, or all.
 * @throws {Error} if it is not a trace source
 */
export function sourceOption(value: string | undefined): readonly TraceSource[] {
  const chosen = sources.filter((source) => value === undefined || source === value)
  if (chosen.length === 0) throw new Error(`--by takes ${sources.join(' or ')}, not "${value}".`)
  return chosen
}

/** The export of a bench file that traces workloads. */
export function tracedBenches(names: readonly WorkloadName[], source: TraceSource): string {
  const benches = names.map((name) => `bench('${name} ${source}', workload.traced(${name}, { source: '${source}' }))`)
  return `export const ${source} = [${benches.join(', ')}]`
}

/** The sample of each round that counts. @param how the trace source, or `untraced` */
export function samplesByRound(
  samples: readonly Sample[],
  platform: string,
  name: WorkloadName,
  how: string,
): Map<number, Sample> {
  const own = samples.filter((one) => one.platform === platform && one.case.endsWith(`#${name} ${how}`))
  return new Map(countedSamples(own).map((one) => [one.round, one]))
}

/** What a run measures. */
interface WorkloadRun {
  readonly platforms: readonly string[]
  readonly rounds: number
  /** The exports of a bench file. */
  readonly benches: readonly string[]
}

/**
 * Measures for one second per sample. The report of the run goes to standard error.
 * @throws {Error} if the run fails
 */
export function measureWorkloads(
  { root, print }: Pick<MeasurementContext, 'root' | 'print'>,
  { platforms, rounds, benches }: WorkloadRun,
): RunRecord {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
  try {
    mkdirSync(join(folder, 'benches'))
    cpSync(join(root, 'benches/isolation/attack-workloads.ts'), join(folder, 'benches/attack-workloads.ts'))
    const imported = `import { bench, workload } from 'isobench'
import { ${workloadNames.join(', ')} } from './attack-workloads.ts'
`
    writeFileSync(join(folder, 'benches/it.bench.ts'), `${imported}${benches.join('\n')}\n`)
    const list = platforms.map((name) => `platform('${name}')`).join(', ')
    const config = [
      "import { defineConfig, platform } from 'isobench'",
      `export default defineConfig({ platforms: [${list}] })\n`,
    ].join('\n')
    writeFileSync(join(folder, 'isobench.config.ts'), config)
    const report = join(folder, 'report.json')
    const args = [
      ...['run', '--wait-for-lock', '--rounds', String(rounds), '--seconds', '1', '--timeout', '600'],
      ...['--reporter', 'verbose', '--reporter', `json=${report}`],
    ]
    const { status } = spawnSync('node', [join(root, 'bin/isobench.js'), ...args], {
      cwd: folder,
      stdio: ['ignore', process.stderr.fd, 'inherit'],
    })
    // 4: without claims, nothing is evaluated.
    if (status !== 4) throw new Error(`the run ended with ${status}`)
    const { record: file } = JSON.parse(readFileSync(report, 'utf8')) as { record: string }
    const record = readRecord(file)
    const { samples, plan } = record
    print(
      `${samples.length} samples, ${samples.filter(({ outcome }) => !outcome.ok).length} failed, ` +
        `load ${loadavg()[0]!.toFixed(1)}`,
    )
    for (const detail of new Set(
      plan.excluded.flatMap(({ reason, detail }) => (reason === 'tracer-unavailable' ? (detail ?? []) : [])),
    ))
      print(`excluded: ${detail}`)
    return record
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
