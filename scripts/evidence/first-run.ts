/** How long a first run takes, from a clean clone to verdicts, and what it decides. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildReport } from '../../src/core/judge/report.ts'
import { plannedResults, type ScheduledPlan } from '../../src/core/model/plan.ts'
import type { RunRecord, Sample } from '../../src/core/model/record.ts'
import { latestRecord, readRecord } from '../../src/core/records/record-file.ts'
import { platformFamily } from '../../src/driver.ts'
import { baseRequirements, debianMirror, imageRequirements, missing, packagesOf } from '../../src/host/packages.ts'
import { drivers } from '../../src/platforms/index.ts'
import { findingsMarkdown } from '../../src/reporters/findings.ts'
import type { Measurement, MeasurementContext } from './measurement.ts'

/** Seconds that a command takes. @throws {Error} if it ends with another exit code */
function secondsOf(argv: readonly string[], cwd: string, env: Record<string, string>, exitCodes = [0]): number {
  const started = performance.now()
  const [command, ...args] = argv as [string, ...string[]]
  const stdio = ['ignore', 'inherit', 'inherit'] as const
  const { status } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: [...stdio] })
  if (!exitCodes.includes(status ?? -1)) throw new Error(`${argv.join(' ')}: exit ${status}`)
  return (performance.now() - started) / 1000
}

/** How many findings a record decides, decides in part, and leaves open. */
function decisions(record: RunRecord): string {
  const { findings } = buildReport(record, { strict: false })
  const of = (...outcomes: string[]) => findings.filter(({ outcome }) => outcomes.includes(outcome)).length
  const decided = of('holds', 'contradicted')
  const inPart = of('holds-in-part')
  return `${decided} decided, ${inPart} in part, ${findings.length - decided - inPart} open, of ${findings.length}`
}

/** The cases with samples of every planned round. */
function completeCases({ plan }: RunRecord, samples: readonly Sample[]): Set<string> {
  const rounds = (plan as ScheduledPlan).profile.rounds
  const steps = plannedResults(plan)
  const last = new Set(samples.filter(({ round }) => round === rounds - 1).map((one) => `${one.case} ${one.platform}`))
  return new Set(steps.filter((one) => last.has(`${one.case} ${one.platform}`)).map((one) => one.case))
}

/**
 * The record as if the run had ended after some seconds: without the benches that had not ended. Samples have no time
 * of day, so the time between them is shared among them.
 */
function cutAfter(record: RunRecord, seconds: number, total: number): RunRecord {
  const sum = record.samples.reduce((all, { wallMs }) => all + wallMs, 0)
  let passed = 0
  const samples = record.samples.filter(({ wallMs }) => {
    passed += (wallMs / sum) * total
    return passed <= seconds
  })
  const complete = completeCases(record, samples)
  const { plan } = record
  const ended = plan.benches.filter(({ id }) => {
    const cases = new Set(plannedResults(plan).map((one) => one.case))
    const own = plan.cases.filter((one) => one.bench === id && cases.has(one.id))
    return own.every((one) => complete.has(one.id))
  })
  const isEnded = (bench: string) => ended.some(({ id }) => id === bench)
  const cut = plan.benches.filter(({ id }) => !isEnded(id))
  return {
    ...record,
    samples: samples.filter((sample) => complete.has(sample.case)),
    plan: {
      ...plan,
      benches: ended,
      cases: plan.cases.filter(({ bench }) => isEnded(bench)),
      excluded: [...plan.excluded, ...cut.map(({ id }) => ({ bench: id, reason: 'time-budget' as const }))],
    },
  }
}

/** Seconds to install what the platforms of this host need, in a new Debian root. */
function aptSeconds(folder: string): number {
  const requirements = Object.values(drivers).flatMap((driver) => {
    const parsed = driver.options.parse({})
    const isVm = ['hypervisor', 'unikernel'].includes(platformFamily(driver, parsed))
    return isVm || missing(driver.requirements(parsed)).length > 0 ? [] : driver.requirements(parsed)
  })
  const root = join(folder, 'root')
  const mirror = debianMirror()
  secondsOf(['mmdebstrap', '--variant=apt', 'trixie', root, mirror], folder, {})
  const names = packagesOf([...baseRequirements, ...imageRequirements, ...requirements]).map(({ name }) => name)
  const apt = (...args: string[]) => secondsOf(['chroot', root, 'apt-get', ...args], folder, aptEnv)
  return apt('update') + apt('install', '--yes', '--no-install-recommends', ...names)
}

const aptEnv = { DEBIAN_FRONTEND: 'noninteractive' }

function runFirst({ root, options, print }: MeasurementContext): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-first-run-'))
  try {
    const report = (name: string, seconds: number) => print(`first-run: ${name}: ${Math.round(seconds)} s`)
    if (options.apt !== undefined) report('apt-get update and install in a new Debian root', aptSeconds(folder))
    if (options.apt === 'only') return
    const clone = join(folder, 'isobench')
    const cache = join(folder, 'cache')
    mkdirSync(cache)
    const steps: [string, readonly string[], number[]][] = [
      ['git clone', ['git', 'clone', '--quiet', root, clone], [0]],
      ['npm ci', ['npm', 'ci', '--no-audit', '--no-fund'], [0]],
      [
        'run',
        ['npx', 'isobench', 'run', '--findings', '--max-duration', options.budget ?? '5m', '--install'],
        [0, 1, 3],
      ],
    ]
    let total = 0
    for (const [name, argv, exitCodes] of steps) {
      const cwd = name === 'git clone' ? folder : clone
      const seconds = secondsOf(argv, cwd, { ISOBENCH_CACHE: cache }, exitCodes)
      report(name, seconds)
      total += seconds
    }
    const record = latestRecord(clone)
    const platforms = new Set(record.samples.map(({ platform }) => platform)).size
    report('from the clone to the verdicts', total)
    print(`first-run: ${platforms} platforms, ${decisions(record)}`)
    print(findingsMarkdown(buildReport(record, { strict: false })))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const firstRun: Measurement = {
  description: 'time from a clean clone to verdicts, and the findings that are decided',
  options: {
    budget: 'the time for measuring; 5m',
    apt: 'yes: also install the Debian packages in a new root; only: nothing else',
    record: 'a record of a longer run: only count what it had decided after `minutes`',
    seconds: 'duration of the measuring in that record',
    minutes: 'minutes of measuring, separated by commas',
  },
  run(context) {
    const { options, print } = context
    if (options.record === undefined) return runFirst(context)
    const record = readRecord(options.record)
    const total = Number(options.seconds)
    if (!(total > 0)) throw new Error('--seconds: give the duration of the measuring in the record.')
    for (const minutes of (options.minutes ?? '5').split(','))
      print(`first-run: after ${minutes} minutes: ${decisions(cutAfter(record, 60 * Number(minutes), total))}`)
  },
}
