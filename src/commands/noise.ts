import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { measureProject } from '../core/measure/measure-project.ts'
import type { Plan } from '../core/model/plan.ts'
import { loadProject } from '../core/project/config.ts'
import { createPlan } from '../core/project/plan.ts'
import { measuredNoise, type Noise, saveNoise, secondNative, smallestMargin } from '../core/records/noise.ts'
import { readRecord } from '../core/records/record-file.ts'
import { drivers } from '../platforms/index.ts'
import { caseName } from '../reporters/summary.ts'
import { plainTable } from '../reporters/terminal/table.ts'
import { UsageError } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { warningsText } from './errors.ts'
import { type CheckedOptions, fixedRounds, type OptionTable, pickOptions, sharedOptions } from './options.ts'
import { createReporters } from './reporters.ts'
import { confirm } from './setup.ts'

const noiseOptions = {
  ...pickOptions('name', 'tag', 'profile'),
  rounds: {
    ...sharedOptions.rounds,
    value: '<n>',
    description: 'rounds; each one measures native twice (default: 10)',
    example: '--rounds 20',
    // Enough rounds to say something about the tails, in twice the time of a quick run of one platform.
    schema: fixedRounds.default({ first: 10, last: 10 }),
  },
  ...pickOptions('seconds', 'timeout', 'duet', 'json', 'install', 'waitForLock', 'config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    "Measures this host's noise, native against native. " +
    'Later runs with the same sample length use it as the smallest valid margin. ' +
    'Exits with code 4 if no metric has a value in at least five rounds.',
  arguments: [benchFilters],
  options: noiseOptions,
  examples: [{ line: 'noise --tag cpu --rounds 20', description: 'the noise of the CPU benches' }],
  run: measureNoise,
})

async function measureNoise(
  filters: readonly string[],
  options: CheckedOptions<typeof noiseOptions>,
  io: CommandIo,
): Promise<number> {
  const project = await loadProject(io.cwd, options.config, { command: 'noise', profile: options.profile })
  const { plan, platforms, collected } = await createPlan(project, drivers, {
    ...options,
    shard: undefined,
    filters,
    platform: undefined,
  })
  io.err.write(warningsText(collected.warnings, project.root))
  const native = platforms.find(({ spec }) => spec.name === 'native')
  if (!native) throw new UsageError('the config has no platform "native"', "add platform('native') to it")
  const reporter = await createReporters(
    { reporter: ['default'], json: false, all: false },
    { root: project.root },
    {
      ...io,
      // Progress is not part of the answer.
      out: io.err,
    },
  )
  using interruption = interruptSignal((what) => reporter.onPrepare(`${what}: stopping and cleaning up`))
  const { problems } = collected.suite
  if (problems.length > 0) reporter.onProblems(problems)
  const benches = plan.benches.map((bench) => ({ ...bench, claims: [] }))
  const report = await measureProject({
    project,
    plan: { ...plan, benches, findings: [], sequential: undefined },
    platforms: [native, { ...native, spec: { ...native.spec, name: secondNative } }],
    collected,
    reporter,
    signal: interruption.signal,
    dependencies: { install: options.install, confirm: (question) => confirm(question, io) },
    waitForLock: options.waitForLock,
    remeasure: options.remeasure,
    strict: false,
    maxDuration: options.maxDuration,
  })
  reporter.onAbort()
  if (report.status !== 'finished') {
    io.err.write('The noise was not saved: the run did not finish.\n')
    return report.exit.code
  }
  const noise = measuredNoise(readRecord(report.record))
  const file = saveNoise(project.root, noise)
  const rounds = plan.profile.rounds
  if (options.json) io.out.write(`${JSON.stringify({ ...noise, rounds, noiseFloors: floorRows(noise, rounds) })}\n`)
  else io.out.write(`${noiseText(noise, plan)}\nSaved to ${file}\n`)
  if (report.problems.length > 0) return exitCodes.invalid
  return noise.measured.length > 0 ? exitCodes.clean : exitCodes.nothing
}

const percentOf = (d: number): string => `${(100 * Math.expm1(d)).toPrecision(2)} %`

const floorRows = (noise: Noise, rounds: number) =>
  noise.measured.map(({ case: point, metric, logRatios: d }) => ({
    case: point,
    metric,
    rounds: d.length,
    single: smallestMargin(d, 1),
    five: smallestMargin(d, 5),
    run: smallestMargin(d, rounds),
  }))

function noiseText(
  noise: Noise,
  { benches, cases, profile: { rounds } }: Pick<Plan, 'benches' | 'cases' | 'profile'>,
): string {
  const nameOf = (id: string): string => {
    const { bench, params } = cases.find((one) => one.id === id)!
    return caseName(benches.find((one) => one.id === bench)!, params)
  }
  const rows = floorRows(noise, rounds).map((row) => [
    sanitize(`${nameOf(row.case)} ${row.metric}`, 70),
    percentOf(row.single),
    percentOf(row.five),
    percentOf(row.run),
  ])
  const counts = ['one round', '5 rounds', `${rounds} rounds`]
  const lines = plainTable([{ title: '' }, ...counts.map((title) => ({ title, align: 'right' as const }))], rows)
  return [
    'In 95 of 100 runs, native seems to differ from itself by up to this. ' +
      'This host cannot judge a smaller margin.',
    '',
    ...lines,
    '',
  ].join('\n')
}
