import { resolve } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { measureProject } from '../core/measure/measure-project.ts'
import type { Report } from '../core/model/report.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { createPlan } from '../core/project/plan.ts'
import { platformFiles } from '../core/project/platforms.ts'
import { readShardPlan } from '../core/project/shard-plan.ts'
import { baselineFile, baselinePath, hasBaseline, saveBaseline, whyNotSaved } from '../core/records/baseline.ts'
import { baselineDoubts } from '../core/records/baseline-doubts.ts'
import { withBaseline } from '../core/records/compare.ts'
import { readRecord } from '../core/records/record-file.ts'
import type { Reporter } from '../core/reporter.ts'
import { drivers } from '../platforms/index.ts'
import { comparisonText } from '../reporters/comparison.ts'
import { StrayError } from '../util/stray-errors.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { showPlan } from './dry-run.ts'
import { warningsText } from './errors.ts'
import { printLeftError } from './left-errors.ts'
import { type OptionSpec, type Options, pickOptions, sharedOptions } from './options.ts'
import { checkFolder, checkReplaceable } from './output-path.ts'
import { type BaselineReader, baselineReader, createReporters, hasDocumentOnOutput } from './reporters.ts'
import { notSavedText, savedText } from './saved-baseline.ts'
import { confirm, withConfigDefaults } from './setup.ts'
import { resolveShard, withShardPlan } from './shards.ts'
import { readStored } from './stored-records.ts'

/** An option of a comparison with a baseline. @param example a use of it, without the baseline */
const againstBaseline = <S extends OptionSpec>(spec: S, example = spec.example) => ({
  ...spec,
  requires: 'baseline',
  configMeets: true,
  example: `--baseline main ${example}`,
})

export const command = defineCommand({
  description:
    'Measures the benches on the platforms of the config, judges the claims and reports the verdicts. ' +
    'This is the default command: isobench startup is isobench run startup.',
  arguments: [benchFilters],
  options: {
    ...pickOptions(
      'platform',
      'allPlatforms',
      'name',
      'tag',
      'findings',
      'shard',
      'plan',
      'lastFailed',
      'forbidOnly',
      'profile',
      'rounds',
      'seconds',
      'timeout',
      'maxDuration',
      'duet',
      'seed',
      'remeasure',
      'failFast',
      'dryRun',
      'strict',
      'strictFindings',
      'require',
      'baseline',
      'saveBaseline',
    ),
    margin: againstBaseline(sharedOptions.margin),
    allowDifferentHosts: againstBaseline(sharedOptions.allowDifferentHosts, '--allow-different-hosts'),
    allowMissing: againstBaseline(sharedOptions.allowMissing),
    ...pickOptions('reporter', 'records', 'json', 'all', 'install', 'waitForLock', 'config'),
  },
  examples: [
    { line: 'run startup --platform native,runc', description: 'start-up on two platforms' },
    { line: 'run --profile full --rounds 10..30', description: 'until all claims are decided' },
    { line: 'run --findings --max-duration 5m', description: 'what five minutes decide' },
    { line: 'run --baseline main --save-baseline main', description: 'compare, then move it on' },
  ],
  run: runBenches,
})

async function runBenches(typedFilters: readonly string[], typed: Options, io: CommandIo): Promise<number> {
  const shardPlan = typed.plan === undefined ? undefined : readShardPlan(resolve(io.cwd, typed.plan))
  const { options: given, filters } = shardPlan
    ? withShardPlan(typed, typedFilters, shardPlan)
    : { options: typed, filters: typedFilters }
  const shard = resolveShard(given, io, shardPlan)
  const project = await loadProject(io.cwd, given.config, { command: 'run', profile: given.profile })
  const withDefaults = withConfigDefaults(given, project)
  if (withDefaults.baseline === undefined && given.unmet?.baseline) throw given.unmet.baseline
  const options = withoutNewBaseline(withDefaults, given, project, io)
  // Refuse a wrong name before hours of measuring, not after.
  const { saveBaseline } = options
  if (saveBaseline !== undefined)
    checkReplaceable(`--save-baseline ${saveBaseline}`, baselinePath(project.root, saveBaseline))
  if (options.records !== undefined) checkFolder(`--records ${options.records}`, resolve(io.cwd, options.records))
  const name = options.baseline
  const baseline = name === undefined ? undefined : { name, file: baselineFile(project.root, name) }
  const before = baseline && readStored(baseline.file, io)
  const against = baseline && baselineReader(baseline, options)
  const { notes, ...planned } = await createPlan(project, drivers, { ...options, filters, shard })
  const reporter = await createReporters(options, project, io, {
    against,
    // Commands that read the latest run look into the folder of the project.
    isNamed: options.records !== undefined,
    files: baseline ? [baseline.file] : [],
    sources: [
      ...(given.plan === undefined ? [] : [resolve(io.cwd, given.plan)]),
      ...[...planned.collected.compiled.values()].flatMap(({ inputs }) => inputs),
      ...planned.platforms.flatMap((one) => platformFiles(one, project.root)),
    ],
  })
  const { problems } = planned.collected.suite
  io.err.write(warningsText(planned.collected.warnings, project.root))
  if (problems.length > 0) reporter.onProblems(problems)
  for (const note of notes) reporter.onPrepare(note)
  if (options.dryRun) {
    const { maxDuration } = options
    const budget = maxDuration === undefined ? undefined : { maxDuration, root: project.root }
    const { text, isEmpty } = showPlan(planned.plan, planned.platforms, budget)
    io.out.write(text)
    if (problems.length > 0) return exitCodes.invalid
    return isEmpty ? exitCodes.nothing : exitCodes.clean
  }
  using interruption = interruptSignal((what) => reporter.onPrepare(`${what}: stopping and cleaning up`))
  try {
    const report = await measureProject({
      ...options,
      ...planned,
      project,
      reporter,
      recordFolder: options.records === undefined ? undefined : resolve(io.cwd, options.records),
      signal: interruption.signal,
      dependencies: { install: options.install, confirm: (question) => confirm(question, io) },
      before: options.allowDifferentHosts ? undefined : before,
    })
    const exitCode = await finishRun(report, { project, options, reporter, against }, io)
    const { reason } = interruption.signal
    if (!(reason instanceof StrayError)) return exitCode
    // What a finished run has found comes before an error that its end has left behind.
    if (exitCode !== exitCodes.failed) throw reason
    printLeftError(reason, io.err)
    return exitCode
  } catch (error) {
    reporter.onAbort()
    throw error
  }
}

/** Removes the baseline of the config if it is not saved yet: the first run has nothing to compare with. */
function withoutNewBaseline(options: Options, given: Options, { root }: Project, io: CommandIo): Options {
  const { baseline } = options
  if (baseline === undefined || given.baseline !== undefined || hasBaseline(root, baseline)) return options
  io.err.write(`There is no baseline "${baseline}" yet. Save one with: isobench run --save-baseline ${baseline}\n`)
  return { ...options, baseline: undefined }
}

interface FinishedRun {
  readonly project: Project
  readonly options: Options
  readonly reporter: Required<Reporter>
  /** Compares the run with its baseline. `measureProject` has refused a baseline of another host. */
  readonly against: BaselineReader | undefined
}

/**
 * Reports the run, compares it with the baseline and saves it as one. An error in one of them does not stop the others.
 * It compares before it saves: `--baseline main --save-baseline main` moves the baseline, unless the run is worse.
 * @returns the exit code
 */
async function finishRun(
  measured: Report,
  { project, options, reporter, against }: FinishedRun,
  io: CommandIo,
): Promise<number> {
  const errors: unknown[] = []
  const attempt = async <T>(act: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await act()
    } catch (error) {
      errors.push(error)
      return undefined
    }
  }
  const comparison = await attempt(() => against?.(measured).comparison)
  const report = comparison ? withBaseline(measured, comparison, options.strict) : measured
  const to = hasDocumentOnOutput(options, project, io.cwd) ? io.err : io.out
  if (comparison && options.all)
    to.write(`\n${comparisonText(comparison, { width: io.out.columns ?? 100, all: true })}`)
  await attempt(() => reporter.onFinish(report))
  const { saveBaseline: name } = options
  if (name !== undefined) {
    const refusal = options.baseline !== undefined && !comparison ? 'blind' : whyNotSaved(report, comparison)
    const save = () => {
      saveBaseline(project.root, name, report.record)
      to.write(savedText(name, baselineDoubts(readRecord(report.record), report)))
    }
    if (refusal) to.write(notSavedText(name, refusal))
    else await attempt(save)
  }
  if (errors.length > 0) throw errors[0]
  return report.exit.code
}
