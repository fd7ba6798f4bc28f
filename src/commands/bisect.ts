import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join, normalize, resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import {
  type BisectResult,
  type BisectStep,
  bisectRepository,
  type Commit,
  type CommitComparison,
} from '../core/measure/bisect.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { loadWorkloads, measureProject } from '../core/measure/measure-project.ts'
import type { Plan } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import type { Reason } from '../core/model/verdict.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { createPlan } from '../core/project/plan.ts'
import { folderOf } from '../core/records/record-file.ts'
import type { Reporter } from '../core/reporter.ts'
import type { PlatformSpec } from '../dsl/platform.ts'
import type { Workload } from '../dsl/workload.ts'
import { type ArtifactBuildOptions, runBuildCommand } from '../host/lock.ts'
import { HostCommandError } from '../host/process.ts'
import { programProblem } from '../host/program-file.ts'
import { drivers } from '../platforms/index.ts'
import { figure, formatReason, interval } from '../reporters/format.ts'
import { UsageError } from '../util/errors.ts'
import { listText, plural, sanitize } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, number, type OptionTable, pickOptions, sharedOptions } from './options.ts'
import { createReporters } from './reporters.ts'
import { confirm } from './setup.ts'

/** With fewer rounds, a first look cannot decide anything. */
const firstLook = 8
/** An hour for one build, in seconds. */
const buildTimeout = 3600
const [goodName, candidateName] = ['good', 'candidate']

/** The most rounds that `--max-rounds` takes. */
const mostRounds = 1000

const bisectOptions = {
  bench: {
    ...sharedOptions.bench,
    description: 'the bench with this text in its id (required)',
    repeatable: false,
    schema: z.string('name one bench.').transform((text) => [text]),
  },
  metric: {
    value: '<name>',
    group: 'Select benches',
    description: 'the metric to compare (default: the only one of the bench)',
    example: '--metric latency',
    schema: z.string().optional(),
  },
  platform: {
    ...sharedOptions.platform,
    value: '<name>',
    description: 'the platform of the config with the runtime (default: the only one with the option binary)',
    example: '--platform crun',
    repeatable: false,
    schema: z
      .string()
      .transform((name) => [name])
      .optional(),
  },
  build: {
    value: '<command>',
    group: 'Measure',
    description: 'the shell command that builds a commit, in its work tree (required)',
    example: "--build './autogen.sh && ./configure && make -j2'",
    schema: z.string('pass the command that builds a commit.'),
  },
  binary: {
    value: '<path>',
    group: 'Measure',
    description: 'the built program in the work tree (default: the kind of the platform, such as crun)',
    example: '--binary build/bin/runc',
    schema: z.string().optional(),
  },
  repo: {
    value: '<dir>',
    group: 'Input',
    description: 'the git repository of the runtime (default: the current directory)',
    example: '--repo ../crun',
    schema: z.string().optional(),
    completion: 'file',
  },
  margin: {
    ...sharedOptions.margin,
    description: 'a commit is bad if it is worse than the good one by more than this, in percent (default: 5)',
  },
  maxRounds: {
    value: '<n>',
    group: 'Measure',
    description: 'the most rounds per commit; without a certain verdict it is skipped (default: 30)',
    example: '--max-rounds 60',
    schema: number(
      (value) => Number.isInteger(value) && value >= 5 && value <= mostRounds,
      `from 5 to ${mostRounds}`,
    ).default(30),
  },
  ...pickOptions('profile', 'seconds', 'json', 'install', 'waitForLock', 'config'),
} as const satisfies OptionTable

type BisectOptions = CheckedOptions<typeof bisectOptions>

export const command = defineCommand({
  description:
    'Finds the commit of a runtime that made a bench worse. git chooses the commits. Each one is built and measured ' +
    'against the good build in interleaved rounds, until it is certainly worse by more than the margin or certainly ' +
    "not. It uses two work trees in a temporary folder, so the repository's own files, index and branch stay as they " +
    'are. Exits with code 3 if skipped commits leave several candidates or it is not certain whether the bad ' +
    'commit is worse, and with 4 if it is not worse.',
  arguments: [
    { name: 'good', description: 'a commit that is fast enough', required: true },
    { name: 'bad', description: 'a later commit that is worse', required: true },
  ],
  options: bisectOptions,
  examples: [
    {
      line: 'bisect 1.14 HEAD --repo ../crun --bench boot --build make',
      description: 'a slower start of crun',
    },
  ],
  run: bisect,
})

async function bisect([good, bad]: readonly string[], options: BisectOptions, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config, { command: 'bisect', profile: options.profile })
  const spec = platformOf(project, options.platform?.[0])
  const program = options.binary ?? spec.kind
  const repository = resolve(io.cwd, options.repo ?? '.')
  checkPaths(repository, program)
  // Refuse a wrong name before the first build.
  const { plan, collected } = await planBisection({ ...project, platforms: [spec] }, options)
  benchOf(plan, options)
  // Once, because Node.js evaluates a module only once.
  const workloads = await loadWorkloads(project.root, collected, plan)
  // Progress is not part of the answer.
  const context = { root: project.root }
  const reporter = await createReporters({ reporter: ['dot'], json: false, all: false }, context, {
    ...io,
    out: io.err,
  })
  using interruption = interruptSignal((what) => reporter.onPrepare(`${what}: stopping and removing the work trees`))
  const { signal } = interruption
  const result = await bisectRepository({
    repository,
    good: good!,
    bad: bad!,
    program,
    signal,
    build: async (folder, commit, journal) => {
      reporter.onPrepare(`building ${nameOf({ commit })}`)
      await buildCommit(folder, commit, { command: options.build, program, journal, signal })
    },
    compare: async (goodFolder, folder) => {
      const platform = (name: string, built: string): PlatformSpec => ({
        ...spec,
        name,
        options: { ...spec.options, binary: join(built, program) },
      })
      const platforms = [platform(goodName!, goodFolder), platform(candidateName!, folder)]
      return comparisonOf(
        options,
        await measure({ ...project, platforms }, folder, workloads, reporter, signal, options, io),
      )
    },
    onStep: (step) => io.err.write(`\n${stepText(step)}\n`),
  })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, ...result })}\n` : resultText(result, options))
  if (result.candidates.length === 0) return exitCodes.nothing
  return result.candidates.length === 1 ? exitCodes.clean : exitCodes.inconclusive
}

/**
 * Finds wrong paths before git and the build do.
 * @throws {UsageError} if there is no such folder, or if the program would not be in a work tree
 */
export function checkPaths(repository: string, program: string): void {
  if (!statSync(repository, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(
      `isobench bisect: there is no folder ${repository}`,
      "pass the folder of the runtime's git repository: --repo",
    )
  if (isAbsolute(program) || /^\.\.(\/|$)/.test(normalize(program)))
    throw new UsageError(
      `isobench bisect: --binary ${program} is not in the work tree`,
      'pass a path below the folder of the repository, because each commit is built in its own work tree',
    )
}

interface BuildOptions extends Pick<ArtifactBuildOptions, 'journal' | 'signal'> {
  /** Of the user, for a shell. */
  readonly command: string
  /** The path of the built program in the work tree. */
  readonly program: string
}

/**
 * Builds a commit in its work tree.
 * @throws {HostCommandError} with a fix, if the command fails or leaves no such program
 */
export async function buildCommit(
  folder: string,
  { hash }: Pick<Commit, 'hash'>,
  { command, program, journal, signal }: BuildOptions,
): Promise<void> {
  // The build needs the environment of the user, such as CC and GOPATH.
  const env = { ...(process.env as Record<string, string>), ISOBENCH_COMMIT: hash }
  const label = `the build of ${hash.slice(0, 10)}`
  try {
    const options = { cwd: folder, env, timeout: buildTimeout, label }
    await runBuildCommand(['sh', '-c', command], { journal, ...(signal && { signal }) }, options)
  } catch (error) {
    if (!(error instanceof HostCommandError)) throw error
    throw new HostCommandError(error.message, 'pass a command that builds this commit in a new work tree: --build')
  }
  const path = join(folder, program)
  const problem = programProblem(path, program)
  if (problem === undefined) return
  throw new HostCommandError(
    `${label} made no program that runs: in its work tree, ${problem}`,
    existsSync(path)
      ? 'change the command of --build, or set --binary to the path of the built program in the work tree'
      : 'set --binary to the path of the built program in the work tree',
  )
}

/** @throws {UsageError} if the platform is not known, or cannot run another build */
export function platformOf({ platforms }: Pick<Project, 'platforms'>, name: string | undefined): PlatformSpec {
  const able = platforms.filter(({ kind, driver }) => 'binary' in shapeOf(driver ?? drivers[kind]))
  const found = name === undefined ? able : able.filter((one) => one.name === name)
  if (found.length === 1) return found[0]!
  const flags = able.map((one) => `--platform ${one.name}`).join(' or ')
  throw new UsageError(
    name === undefined
      ? `isobench bisect: ${plural(able.length, 'platform')} of the config can run another build.`
      : `isobench bisect: the config has no platform "${name}" with the option binary.`,
    able.length > 0 ? `pass ${flags}` : 'add a platform with the option binary, such as crun',
  )
}

const shapeOf = (driver: object | undefined): object =>
  (driver as { readonly options?: { readonly shape?: object } } | undefined)?.options?.shape ?? {}

const planBisection = (project: Project, { profile, seconds, maxRounds }: BisectOptions) =>
  createPlan(project, drivers, {
    profile,
    seconds,
    rounds: maxRounds,
    ...(maxRounds > firstLook && { firstLook }),
    filters: [],
    platform: undefined,
  })

/** @throws {UsageError} if the options do not name one bench and one of its metrics */
export function benchOf(
  { benches }: Pick<Plan, 'benches'>,
  { bench: [text], metric: named }: Pick<BisectOptions, 'bench' | 'metric'>,
) {
  const exact = benches.filter(({ id }) => id === text)
  const [bench, ...others] = exact.length > 0 ? exact : benches.filter(({ id }) => id.includes(text!))
  if (!bench || others.length > 0)
    throw new UsageError(
      `isobench bisect: ${plural(bench ? others.length + 1 : 0, 'bench', 'benches')} with "${text}" in the id.`,
      bench
        ? `name one: ${listText(
            [bench, ...others].map(({ id }) => id),
            4,
          )}`
        : 'isobench list shows the ids',
    )
  const metrics = Object.keys(bench.metrics)
  const metric = named ?? metrics[0]!
  if (!metrics.includes(metric))
    throw new UsageError(`isobench bisect: "${bench.name}" has no metric "${metric}".`, `it has: ${metrics.join(', ')}`)
  if (named === undefined && metrics.length > 1)
    throw new UsageError(
      `isobench bisect: "${bench.name}" has several metrics.`,
      `name one: ${metrics.map((one) => `--metric ${one}`).join(' or ')}`,
    )
  return { bench, metric }
}

async function measure(
  project: Project,
  recordRoot: string,
  workloads: ReadonlyMap<string, Workload>,
  reporter: Required<Reporter>,
  signal: AbortSignal,
  options: BisectOptions,
  io: CommandIo,
): Promise<Report> {
  const { plan, ...planned } = await planBisection(project, options)
  const { bench, metric } = benchOf(plan, options)
  const matcher = { kind: 'notWorseThan', platform: goodName!, percent: options.margin } as const
  const on = { by: 'name', names: [candidateName!] } as const
  const claim = { bench: bench.id, metric, matcher, on, where: {}, severity: 'fail' } as const
  const report = await measureProject({
    ...planned,
    plan: {
      ...plan,
      benches: [{ ...bench, claims: [claim] }],
      cases: plan.cases.filter((one) => one.bench === bench.id),
      findings: [],
    },
    project,
    recordFolder: folderOf(recordRoot),
    workloads,
    reporter,
    signal,
    dependencies: { install: options.install, confirm: (question) => confirm(question, io) },
    waitForLock: options.waitForLock,
    remeasure: true,
    strict: false,
  })
  reporter.onAbort()
  if (report.status !== 'finished') throw signal.reason
  return report
}

/** Bad if it is worse in any case of the bench, good if it is worse in none. */
export function comparisonOf(
  { maxRounds }: Pick<BisectOptions, 'maxRounds'>,
  { claims, cases }: Pick<Report, 'claims' | 'cases'>,
): CommitComparison {
  const worse = claims.find(({ outcome, direction }) => outcome === 'contradicted' && direction === 'worse')
  const open = claims.find(({ outcome }) => outcome !== 'holds')
  const shown = worse ?? open ?? claims[0]
  const verdict = worse ? 'bad' : open || !shown ? 'skip' : 'good'
  const { estimate = null, reason = null } = shown ?? {}
  const [error] = cases.flatMap(({ results }) => results.flatMap(({ errors }) => errors))
  const why = [reason ? formatReason(reason) : 'nothing was measured', ...(error ? [error.message] : [])].join(': ')
  return {
    verdict,
    ratio: estimate && { estimate: estimate.value, low: estimate.low, high: estimate.high },
    rounds: estimate?.rounds ?? 0,
    measuredRounds: measuredRounds(cases.filter((one) => !shown?.case || one.case === shown.case)),
    reason: verdict === 'skip' ? why : null,
    ...(verdict === 'skip' && { fix: skipFix(reason, maxRounds) }),
  }
}

/** Rounds with a sample of every platform. A look before the last one may decide, so the interval may have fewer. */
const measuredRounds = (cases: Report['cases']): number =>
  Math.max(
    0,
    ...cases.map(({ results }) => {
      const [first, ...others] = results.map(
        ({ samples }) => new Set(samples.filter(({ warmup }) => !warmup).map(({ round }) => round)),
      )
      return [...(first ?? [])].filter((round) => others.every((rounds) => rounds.has(round))).length
    }),
  )

/** What could decide a skipped commit. */
export function skipFix(reason: Reason | null, maxRounds: number): string {
  switch (reason?.code) {
    case undefined:
    case 'sample-errors':
    case 'platform-unavailable':
      return 'check that the program of --build runs the bench, or pass another bad commit'
    case 'workload-unsupported':
    case 'client-bound':
      return 'choose another bench: --bench'
    case 'not-observed':
    case 'zero-value':
      return 'choose another metric: --metric'
    case 'different-work':
      return 'keep the bench files and the config as they are, or choose another bench: --bench'
    case 'equals-margin':
      return 'choose another margin: --margin'
    case 'noise-floor':
      return `choose a margin above the noise of this host: --margin ${Math.ceil(reason.smallestMarginPercent)}`
    case 'host-overloaded':
      return 'stop other processes, and run it again'
    case 'dependent-rounds':
      return 'stop other processes, or measure longer samples: --seconds'
    default:
      return maxRounds < mostRounds
        ? `allow more rounds: --max-rounds ${Math.min(mostRounds, 2 * maxRounds)}`
        : 'choose a margin further from the difference: --margin, or longer samples: --seconds'
  }
}

const nameOf = ({ commit: { hash, subject } }: Pick<BisectStep, 'commit'>): string =>
  `${hash.slice(0, 10)} ${sanitize(subject, 80)}`

const verdictNames = { good: 'not worse', bad: 'worse', skip: 'skipped' } as const

/** A step in one line. If its interval is of an early look, it names the measured rounds too. */
export function stepText(step: BisectStep): string {
  const { verdict, ratio, rounds, measuredRounds, reason } = step
  const figures = ratio
    ? [
        `${interval({ value: ratio.estimate, low: ratio.low, high: ratio.high })} × the good commit`,
        rounds < measuredRounds ? `${rounds} of ${plural(measuredRounds, 'round')}` : plural(rounds, 'round'),
      ]
    : []
  const parts = [verdictNames[verdict], ...figures, ...(reason ? [sanitize(reason, 300)] : [])]
  return `${nameOf(step)}: ${parts.join('; ')}`
}

function resultText({ candidates, steps, good, bad }: BisectResult, { margin }: BisectOptions): string {
  const [first, ...others] = candidates
  if (!first) {
    const ratio = steps[0]?.ratio
    const figures = ratio ? `: ${figure(ratio.estimate)} × the good commit` : ''
    return (
      `${nameOf({ commit: bad })} is not worse than ${nameOf({ commit: good })} by more than ${margin} %${figures}.\n` +
      'For a smaller step, pass a smaller --margin.\n'
    )
  }
  if (others.length > 0)
    return `${[
      'Skipped commits leave several that could be the first bad one:',
      ...candidates.map((commit) => `  ${nameOf({ commit })}`),
    ].join('\n')}\n`
  const step = steps.find(({ commit }) => commit.hash === first.hash)
  return `First bad commit:\n  ${first.hash}, ${first.date}\n  ${step ? stepText(step) : nameOf({ commit: first })}\n`
}
