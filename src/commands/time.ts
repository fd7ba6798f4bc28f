import { realpathSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { minRounds } from '../core/judge/rules.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { measureProject } from '../core/measure/measure-project.ts'
import type { MetricResult, Report } from '../core/model/report.ts'
import type { Problem } from '../core/model/suite.ts'
import { benchFiles } from '../core/project/bench-files.ts'
import { findConfig, loadProject, type Project } from '../core/project/config.ts'
import { createPlan, type PlannedProject } from '../core/project/plan.ts'
import type { Reporter } from '../core/reporter.ts'
import { suggestion } from '../dsl/checked.ts'
import type { PlatformSpec } from '../dsl/platform.ts'
import { inTemporaryFolder } from '../host/temporary-folder.ts'
import { drivers } from '../platforms/index.ts'
import { formatQuantity } from '../reporters/format.ts'
import { shellWord } from '../reporters/headline/next-steps.ts'
import { benchLines } from '../reporters/terminal/benches.ts'
import { renderOptions } from '../reporters/terminal/reporter.ts'
import { platformLines, problemLines } from '../reporters/terminal/summary.ts'
import { UsageError } from '../util/errors.ts'
import { raceAbort } from '../util/race-abort.ts'
import { plural, wrap } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, fixedRounds, list, type OptionTable, pickOptions, sharedOptions } from './options.ts'
import { checkOutput, type Output, refuseExisting, writeNew } from './output-path.ts'
import { createReporters } from './reporters.ts'
import { confirm } from './setup.ts'

/** What is measured without `--platform`. */
const defaultPlatforms = ['native', 'runc']
/** The name of the bench file in the temporary project. */
const benchFileName = 'time.bench.ts'

const timeOptions = {
  rounds: {
    ...sharedOptions.rounds,
    value: '<n>',
    description: `rounds per platform (default: those of the profile quick); an interval needs at least ${minRounds}`,
    example: '--rounds 10',
    schema: fixedRounds.optional(),
  },
  ...pickOptions('seconds', 'timeout', 'json', 'install', 'waitForLock', 'config'),
  platform: {
    ...sharedOptions.platform,
    description: 'platforms of the config, or kinds of platforms, separated by commas (default: native,runc)',
    example: '--platform native,runc,gvisor',
  },
  boot: {
    group: 'Measure',
    description: 'boot a guest for each execution, and measure until it is gone',
    example: '--boot --platform native,runc',
    schema: z.boolean().default(false),
  },
  metric: {
    value: '<regex>',
    group: 'Measure',
    description: 'also measure the number in the output that the first group of this regular expression matches once',
    example: "--metric 'GET: ([0-9.]+)'",
    schema: z.string().optional(),
  },
  better: {
    value: '<direction>',
    group: 'Measure',
    description: 'whether a lower or a higher number of --metric is better (default: higher)',
    example: "--metric 'time: ([0-9.]+)' --better lower",
    schema: z.enum(['lower', 'higher'], 'write lower or higher.').default('higher'),
    requires: 'metric',
  },
  unit: {
    value: '<unit>',
    group: 'Measure',
    description: 'unit of the number of --metric (default: count)',
    example: "--metric 'GET: ([0-9.]+)' --unit requests/s",
    schema: z.string().default('count'),
    requires: 'metric',
  },
  package: {
    value: '<names>',
    group: 'Host and project',
    description: 'Debian packages to add to the image, separated by commas',
    example: '--package redis-tools',
    schema: list.optional(),
    repeatable: true,
  },
  write: {
    value: '<file>',
    group: 'Output',
    description: 'write the measurement as a bench file, which isobench run measures again',
    example: '--write benches/sort.bench.ts',
    schema: z.string().optional(),
    completion: 'file',
  },
} as const satisfies OptionTable

type TimeOptions = CheckedOptions<typeof timeOptions>

export const command = defineCommand({
  description:
    'Measures how long a command takes on several platforms, and compares them. It needs no bench file and no ' +
    'config. Put -- before the command. Each sample repeats the command for --seconds, at least once, and its ' +
    'median counts. Exits with code 5 if a platform does not work or a sample fails.',
  arguments: [
    {
      name: 'command',
      description: 'the program and its arguments; no shell is involved',
      required: true,
      variadic: true,
    },
  ],
  options: timeOptions,
  examples: [
    { line: 'time -- sha256sum /bin/busybox', description: 'on native and runc' },
    { line: 'time -p native,runc,gvisor --boot -- /bin/busybox true', description: 'boots' },
    { line: 'time --write benches/sync.bench.ts -- sync', description: 'keep it as a bench' },
  ],
  run: timeCommand,
})

const quote = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

/** What a bench file of the command needs. */
export type TimedCommand = Pick<TimeOptions, 'boot' | 'metric' | 'better' | 'unit'> & {
  readonly argv: readonly string[]
}

/** The TypeScript of a bench that measures the command. `--write` writes the same text that is measured. */
export function timedBenchText({ argv, boot, metric, better, unit }: TimedCommand): string {
  const name = quote(argv.join(' '))
  const values = metric === undefined ? '' : `, value: unit(${quote(unit)}, { better: '${better}' })`
  const imports = ['bench', 'lower', ...(metric === undefined ? [] : ['unit']), 'workload']
  const result = metric === undefined ? '{ milliseconds }' : '{ milliseconds, stdout, stderr }'
  const execute = boot ? 'boot(timed)' : 'guest.exec(timed)'
  return [
    `import { ${imports.join(', ')} } from 'isobench'`,
    `import { command${metric === undefined ? '' : ', parseNumber'} } from 'isobench/tools'`,
    '',
    `const timed = command(${argv.map(quote).join(', ')})`,
    ...(metric === undefined ? [] : [`const pattern = new RegExp(${quote(metric)}, 'm')`]),
    '',
    `const work = workload${boot ? '.boot' : ''}(${name}, {`,
    `  metrics: { duration: lower('ms')${values} },`,
    `  async run({ ${boot ? 'boot' : 'guest'}, seconds }) {`,
    '    const durations: number[] = []',
    ...(metric === undefined ? [] : ['    const values: number[] = []']),
    '    for (let spent = 0; spent < seconds * 1000; spent += durations.at(-1)!) {',
    `      const ${result} = await ${execute}`,
    '      durations.push(milliseconds)',
    ...(metric === undefined ? [] : ["      values.push(parseNumber(stdout + '\\n' + stderr, pattern))"]),
    '    }',
    `    return { duration: durations${metric === undefined ? '' : ', value: values'} }`,
    '  },',
    '})',
    '',
    `bench(${name}, work)`,
    '',
  ].join('\n')
}

/**
 * The platforms that `--platform` names: of the config, or else kinds with their default options.
 * @throws {UsageError} that names the option, because the config may have no fault
 */
export const timedPlatforms = (names: readonly string[], configured: readonly PlatformSpec[]): PlatformSpec[] =>
  names.map((name) => {
    const known = configured.find((spec) => spec.name === name)
    if (known) return known
    if (Object.hasOwn(drivers, name)) return { kind: name, name, tags: [], options: {} }
    const all = new Set([...configured.map((spec) => spec.name), ...Object.keys(drivers)])
    throw new UsageError(`isobench time: --platform: there is no platform "${name}".`, suggestion(name, [...all]))
  })

/** What a config function receives. */
const environment = { command: 'time', profile: 'quick' }

/**
 * A project with the bench alone, in a folder. It has the guests and platforms of the config, if there is one.
 * @throws {UsageError} if `--config` or a platform of `--platform` does not exist
 */
async function timeProject(folder: string, options: TimeOptions, own: Project | undefined): Promise<Project> {
  const names = [...new Set(options.platform ?? defaultPlatforms)]
  if (!own)
    writeFileSync(
      join(folder, 'isobench.config.mjs'),
      "export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }] }\n",
    )
  const project = own ?? (await loadProject(folder, undefined, environment))
  const { image, platforms } = project
  return {
    ...project,
    root: folder,
    include: [benchFileName],
    skipTags: [],
    skipPlatformTags: [],
    image: options.package ? { ...image, packages: [...(image.packages ?? []), ...options.package] } : image,
    platforms: timedPlatforms(names, platforms),
  }
}

/** @throws {UsageError} for a name that no bench file in TypeScript has */
function benchOutput(given: string, cwd: string): Output {
  if (!/(?<!\.d)\.[cm]?ts$/.test(given))
    throw new UsageError(
      `--write ${given}: a bench file in TypeScript ends with .ts, .mts or .cts`,
      'write, for example: --write benches/NAME.bench.ts',
    )
  return { option: `--write ${given}`, given, path: resolve(cwd, given), isNew: true, isBench: true }
}

/** How to measure a written bench file again. */
export async function nextUse(
  { path, given }: Pick<Output, 'path' | 'given'>,
  own: Pick<Project, 'root' | 'include'> | undefined,
  config: string | undefined,
): Promise<string> {
  if (!own) return 'To measure it again, write a config with isobench init, and include the file there.'
  const [real, root] = [realpathSync(path), realpathSync(own.root)]
  const known = (await benchFiles(own)).some((file) => realpathSync(join(root, file)) === real)
  const inProject = relative(root, real)
  if (known) {
    const words = [given, ...(config === undefined ? [] : ['--config', config])].map(shellWord)
    return `Measure it again with: npx isobench run ${words.join(' ')}`
  }
  return inProject.startsWith('..')
    ? `It is outside of the project. To measure it again, move it into ${root}.`
    : `No pattern of the config includes it. To measure it again, add '${inProject}' to include.`
}

async function timeCommand(argv: readonly string[], options: TimeOptions, io: CommandIo): Promise<number> {
  if (options.metric !== undefined) checkPattern(options.metric)
  const output = options.write === undefined ? undefined : benchOutput(options.write, io.cwd)
  if (output) {
    await checkOutput(output, { root: io.cwd })
    refuseExisting(output)
  }
  const text = timedBenchText({ ...options, argv })
  let reporter: Required<Reporter> | undefined
  // Before the first object on the host.
  using interruption = interruptSignal((what) => {
    const announced = `${what}: stopping and cleaning up`
    if (reporter) reporter.onPrepare(announced)
    else io.err.write(`${announced}\n`)
  })
  const { signal } = interruption
  return await inTemporaryFolder('time', async (folder) => {
    writeFileSync(join(folder, benchFileName), text)
    const own =
      options.config === undefined && findConfig(io.cwd) === undefined
        ? undefined
        : await raceAbort(loadProject(io.cwd, options.config, environment), signal)
    // They write to the folder, which must not be removed before they end.
    const project = await timeProject(folder, options, own)
    const planned = await planCommand(project, options)
    signal.throwIfAborted()
    reporter = await progressReporter(project, io)
    const report = await measureCommand(project, planned, reporter, { options, signal, io })
    if (report.status !== 'finished') {
      if (output) io.err.write(`Did not write ${options.write}: the run did not finish.\n`)
      return report.exit.code
    }
    io.out.write(options.json ? `${JSON.stringify(report)}\n` : timeText(report, io))
    if (output) {
      writeNew(output, [text])
      io.err.write(`Wrote ${output.given}. ${await nextUse(output, own, options.config)}\n`)
    } else if (!options.json) io.err.write('Keep it as a bench with: --write benches/NAME.bench.ts\n')
    return isMeasured(report) ? exitCodes.clean : exitCodes.invalid
  })
}

/** @throws {UsageError} if the text is no regular expression with a group */
export function checkPattern(text: string): void {
  const fix = "put the number into a group, such as 'GET: ([0-9.]+)'."
  let groups: number
  try {
    // With an empty alternative it matches any text, and the match has an item for each group.
    groups = new RegExp(`${text}|`, 'm').exec('')!.length - 1
  } catch (error) {
    throw new UsageError(`isobench time: --metric: ${(error as Error).message}.`, fix)
  }
  if (groups === 0) throw new UsageError(`isobench time: --metric: the regular expression "${text}" has no group.`, fix)
}

const planCommand = (project: Project, options: TimeOptions): Promise<PlannedProject> =>
  createPlan(project, drivers, { ...options, profile: 'quick', platform: undefined, shard: undefined })

/** Progress is not part of the answer. */
const progressReporter = ({ root }: Project, io: CommandIo): Promise<Required<Reporter>> =>
  createReporters({ reporter: ['default'], json: false, all: false }, { root }, { ...io, out: io.err })

async function measureCommand(
  project: Project,
  planned: PlannedProject,
  reporter: Required<Reporter>,
  { options, signal, io }: { readonly options: TimeOptions; readonly signal: AbortSignal; readonly io: CommandIo },
): Promise<Report> {
  try {
    return await measureProject({
      ...planned,
      project,
      reporter,
      signal,
      dependencies: { install: options.install, confirm: (question) => confirm(question, io) },
      waitForLock: options.waitForLock,
      remeasure: true,
      strict: false,
    })
  } finally {
    reporter.onAbort()
  }
}

/** A problem without its place, which is in the temporary project. The only one is a program that the image lacks. */
const problemOf = ({ message }: Report['problems'][number]): Problem => ({
  file: 'isobench time',
  message,
  fix: 'add its Debian package: --package NAME',
})

/** Whether every platform works and has a duration in every round. */
const isMeasured = ({ cases, platforms, problems }: Report): boolean =>
  problems.length === 0 &&
  platforms.every(({ available }) => available) &&
  cases.every(({ results }) =>
    results.every(({ errors, metrics }) => errors.length === 0 && metrics.duration?.median !== null),
  )

/** The table of the command, and each platform in words, the best first. */
function timeText(report: Report, io: CommandIo): string {
  const view = renderOptions({ out: io.out, root: report.record, color: io.color })
  const lines = [
    ...platformLines(report, view),
    ...benchLines(report, view),
    ...problemLines(report.problems.map(problemOf), view),
    ...[...summaryLines(report), ...roundsNote(report)].flatMap((line) => ['', ...wrap(line, view.width)]),
  ]
  return `${lines.join('\n')}\n`
}

/** The interval of a difference, and a verdict about it, need more rounds than a short measurement has. */
export const roundsNote = ({ profile: { rounds } }: Pick<Report, 'profile'>): string[] =>
  rounds < minRounds
    ? [`${plural(rounds, 'round')}: a verdict needs at least ${minRounds} rounds: --rounds ${minRounds}`]
    : []

/** What one platform gave for one metric. */
type PlatformResult = MetricResult & { readonly platform: string }

/** How many times the value of `best`: by the ratios to native of the table, or by medians without native. */
function timesOf(other: PlatformResult, best: PlatformResult): number {
  const ratio = ({ platform, ratioToNative }: PlatformResult) =>
    platform === 'native' ? 1 : ratioToNative?.ratio || undefined
  const [a, b] = [ratio(other), ratio(best)]
  const hasNative = [other, best].some(({ ratioToNative }) => ratioToNative)
  return hasNative && a !== undefined && b !== undefined ? a / b : other.median! / best.median!
}

/** `duration: native is best with 12.3 ms; runc 1.03 × as much, gvisor 1.45 × as much`. */
export function summaryLines({ cases }: Report): string[] {
  const [measured] = cases
  if (!measured) return []
  return Object.keys(measured.results[0]?.metrics ?? {}).flatMap((name) => {
    const ranked = measured.results
      .flatMap(({ platform, metrics }) => (metrics[name]?.median ? [{ platform, ...metrics[name] }] : []))
      .sort((a: PlatformResult, b: PlatformResult) => (a.median! - b.median!) * (a.better === 'lower' ? 1 : -1))
    const [best, ...others] = ranked
    if (!best || others.length === 0) return []
    const rest = others.map((other) => `${other.platform} ${timesOf(other, best).toPrecision(3)} × as much`)
    return [`${name}: ${best.platform} is best with ${formatQuantity(best.median!, best.unit)}; ${rest.join(', ')}`]
  })
}
