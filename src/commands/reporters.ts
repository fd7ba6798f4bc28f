import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import * as z from 'zod'
import { buildReport } from '../core/judge/report.ts'
import type { RunRecord } from '../core/model/record.ts'
import type { Report } from '../core/model/report.ts'
import type { Problem } from '../core/model/suite.ts'
import { findConfig, loadProject } from '../core/project/config.ts'
import { functionLocation } from '../core/project/function-location.ts'
import { importDefault } from '../core/project/import-default.ts'
import { callMethod, guardObject, type ProjectObject } from '../core/project/project-code.ts'
import { ProjectCodeError } from '../core/project/project-code-error.ts'
import { compareRecords } from '../core/records/compare.ts'
import { formerRun, historyFor } from '../core/records/history.ts'
import { readRecord } from '../core/records/record-file.ts'
import { multiplexReporters, type NamedReporter, type Reporter } from '../core/reporter.ts'
import { suggestion } from '../dsl/checked.ts'
import type { ReporterEntry } from '../dsl/config.ts'
import { reporters } from '../reporters/index.ts'
import type { BaselineView } from '../reporters/metric-table.ts'
import { OutputFile } from '../reporters/output-file.ts'
import type { ReporterContext, ReporterDefinition } from '../reporters/reporter.ts'
import { closestMatch } from '../util/closest-match.ts'
import { IsobenchError, messageOf, UsageError } from '../util/errors.ts'
import { WriteError } from '../util/files.ts'
import { isStream, linkChain } from '../util/outputs.ts'
import { markStrayErrors, type StrayError } from '../util/stray-errors.ts'
import type { CommandIo } from './command.ts'
import { problemText, warningsText } from './errors.ts'
import { printLeftError } from './left-errors.ts'
import type { Options } from './options.ts'
import { checkOutput, projectFiles } from './output-path.ts'

/** A stored run that reports are shown against, and the name under which the user asked for it. */
export interface Baseline {
  readonly name: string
  readonly file: string
}

/** The folder that reports are relative to, and the reporters of its config. */
export interface ReporterProject {
  readonly root: string
  /** Paths in them are relative to `root`. */
  readonly reporters?: readonly ReporterEntry[]
  readonly configFile?: string
  /** The globs of bench files, if the config is loaded. */
  readonly include?: readonly string[]
  /** Every file in the config's bundle, if the config is loaded. */
  readonly configInputs?: readonly string[]
}

type ReporterOptions = Pick<Options, 'reporter' | 'json' | 'all'>

/** A reporter that the user asked for. */
interface Wanted {
  readonly name: string
  /** The output file after `=`, as written. */
  readonly file?: string
  readonly options?: Readonly<Record<string, unknown>>
  /** The folder that paths are relative to. */
  readonly base: string
}

/**
 * The project of `judge` and `report`. A record can be shown on a host without its project, so the config is only
 * loaded if there is one and the command line names no reporter.
 */
export async function reporterProject(
  { reporter, json, config }: Pick<Options, 'reporter' | 'json' | 'config'>,
  { cwd, err }: Pick<CommandIo, 'cwd' | 'err'>,
): Promise<ReporterProject> {
  const file = config === undefined ? findConfig(cwd) : resolve(cwd, config)
  // The paths of bench files are relative to the config's folder.
  const root = file !== undefined && existsSync(file) ? realpathSync(dirname(file)) : cwd
  if (file === undefined) return { root }
  const shown = { root, configFile: file }
  if (reporter || json) return shown
  try {
    return await loadProject(cwd, config)
  } catch (error) {
    // A record can be shown in a project that is read-only, where its config cannot be compiled.
    if (!(error instanceof WriteError)) throw error
    err.write(`warning  ${error.message}. The reporters of the config are not used.\n`)
    return shown
  }
}

/** The records that reporters show, and what else the command reads. */
export interface ReportedRecords {
  readonly against?: BaselineReader | undefined
  /** Whether the command line names them. Default: false. */
  readonly isNamed?: boolean
  /** The files of the records and of the baseline. No reporter may overwrite them. */
  readonly files?: readonly string[]
  /** Other files that the command reads: those of bundles, of platforms and a plan. No reporter may overwrite them. */
  readonly sources?: readonly string[]
}

/**
 * Creates the reporters of `--reporter`, or else of the config, as one.
 * @throws {UsageError} if there is no such reporter, it cannot write the file that it was given, or two documents would
 *   go to standard output
 * @throws {ProjectError} if the file of a reporter does not compile or is not a reporter
 */
export async function createReporters(
  options: ReporterOptions,
  project: ReporterProject,
  io: CommandIo,
  { against, isNamed = false, files = [], sources }: ReportedRecords = {},
): Promise<Required<Reporter>> {
  const onBroken = (name: string, error: unknown) => {
    const rest = 'The other reporters continue.'
    const text =
      error instanceof ProjectCodeError
        ? problemText({ ...error.problem(name), message: `${error.message.replace(/\.$/, '')}. ${rest}` }, io.cwd)
        : `reporter "${name}" failed: ${messageOf(error)}. ${rest}\n`
    io.err.write(`warning  ${text}`)
  }
  // It must not cost a run its samples.
  const onStray = (error: StrayError) => {
    printLeftError(error, io.err)
    return true
  }
  const context: ReporterContext = {
    out: { write: (text) => void io.out.write(text), isTTY: io.out.isTTY === true, columns: io.out.columns ?? 100 },
    root: project.root,
    color: io.color,
    all: options.all,
    isNamed,
    history: historyFor,
    former: formerRun,
    isReportMissing: () => outputs.some(({ isIncomplete }) => isIncomplete),
    ...(against && { against }),
  }
  // Those with a file come first, because the others state the exit code, which is 5 if a file cannot be written.
  const created = { files: [] as NamedReporter[], others: [] as NamedReporter[] }
  const outputs: OutputFile[] = []
  const taken = new Set<string>()
  const all = wantedReporters(options, project, io.cwd)
  checkStandardOutput(all)
  const modules = new Map<Wanted, Awaited<ReturnType<typeof importReporter>>>()
  for (const wanted of all) if (isPath(wanted.name)) modules.set(wanted, await importReporter(wanted, project.root))
  const bundled = [...(project.configInputs ?? []), ...[...modules.values()].flatMap(({ inputs }) => inputs)]
  const inputs = [
    ...files.map((file) => ({ what: 'a run record', file: resolve(io.cwd, file) })),
    ...[...(sources ?? []), ...bundled].map((file) => ({ what: 'a file', file })),
  ]
  const outputProject = { ...project, areImportsKnown: sources !== undefined }
  let listed: ReturnType<typeof projectFiles> | undefined
  const ownFiles = () => (listed ??= projectFiles(outputProject))
  for (const wanted of all) {
    const file = wanted.file === undefined ? undefined : outputPath(wanted, wanted.file)
    const written = file === undefined ? [] : writtenFiles(wanted.name, file)
    for (const path of written) {
      const output = { option: `the reporter "${wanted.name}=${wanted.file}"`, given: wanted.file!, path }
      await checkOutput(output, outputProject, inputs, ownFiles)
    }
    takeFiles(written, wanted.name, taken)
    const output = file === undefined ? undefined : new OutputFile(file, written.length > 1)
    if (output) outputs.push(output)
    const asked = askedAs(wanted, file, io.cwd)
    const add = (reporter: Reporter) =>
      output
        ? created.files.push({ name: wanted.name, reporter: output.guard(reporter, asked, hooks) })
        : created.others.push({ name: wanted.name, reporter })
    try {
      const module = modules.get(wanted)
      const given = { ...context, ...(file !== undefined && { file }) }
      const warn = (problems: readonly Problem[]) => void io.err.write(warningsText(problems, io.cwd))
      add(
        module
          ? createOutside(module.factory, wanted, given, output, project.root, warn, onStray)
          : createBuiltIn(wanted, given),
      )
    } catch (error) {
      // A wrong name, path or file is the user's to fix before hours of measuring; a fault of the reporter is not.
      if (error instanceof IsobenchError && !(error instanceof ProjectCodeError)) throw error
      onBroken(wanted.name, error)
      if (output) add({ onFinish: () => Promise.reject(error) })
    }
  }
  const onPending = (name: string, hook: string) =>
    void io.err.write(
      `warning  reporter "${name}": ${hook}() has not ended, and isobench does not wait for it.\n` +
        '         fix: keep its promise, and await that in onFinish()\n',
    )
  return multiplexReporters([...created.files, ...created.others], onBroken, onPending)
}

function wantedReporters(
  { reporter, json }: ReporterOptions,
  { root, reporters: configured }: ReporterProject,
  cwd: string,
): Wanted[] {
  const parse = (text: string, base: string): Wanted => {
    const [name, ...file] = text.split('=') as [string, ...string[]]
    return { name, ...(file.length > 0 && { file: file.join('=') }), base }
  }
  if (json) {
    const others = (reporter ?? []).filter((text) => text !== 'default')
    return ['json', ...others].map((text) => parse(text, cwd))
  }
  if (reporter || !configured) return (reporter ?? ['default']).map((text) => parse(text, cwd))
  return configured.map((entry) => {
    if (typeof entry === 'string') return parse(entry, root)
    const [text, options] = entry
    return { ...parse(text, root), options }
  })
}

const isDocumentOnOutput = ({ name, file }: Wanted): boolean =>
  file === undefined && Object.hasOwn(reporters, name) && reporters[name]!.isDocument === true

/** Whether a reporter writes a document to standard output, such as JSON. Other texts would break it. */
export const hasDocumentOnOutput = (options: ReporterOptions, project: ReporterProject, cwd: string): boolean =>
  wantedReporters(options, project, cwd).some(isDocumentOnOutput)

/** What reporters for people write may stand beside one document, but no program reads two documents in one stream. */
function checkStandardOutput(all: readonly Wanted[]): void {
  const [first, second] = all.filter(isDocumentOnOutput)
  if (!first || !second) return
  throw new UsageError(
    `the reporters "${first.name}" and "${second.name}" both write a document to standard output`,
    `give one of them a file: --reporter ${second.name}=FILE`,
  )
}

/** The absolute path of a reporter's file. */
function outputPath({ name, base }: Wanted, file: string): string {
  if (file === '')
    throw new UsageError(`the reporter "${name}" has no file after "="`, `write, for example, ${name}=out`)
  if (file.endsWith('/'))
    throw new UsageError(`the reporter "${name}=${file}" names a folder`, `name a file in it: ${name}=${file}out`)
  return resolve(base, file)
}

/**
 * Adds the files that a reporter writes to those of the other reporters.
 * @throws {UsageError} if another one writes to the same file, also through a link or a hard link. Several may write to
 * a device
 */
function takeFiles(files: readonly string[], name: string, taken: Set<string>): void {
  for (const path of files.map((file) => linkChain(file).at(-1)!)) {
    const { dev, ino } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? {}
    // A file that does not exist yet has no inode, and all hard links of a file have the same one.
    const identities = ino === undefined ? [path] : [path, `inode ${dev} ${ino}`]
    if (identities.some((one) => taken.has(one)) && !isStream(path))
      throw new UsageError(`two reporters write to ${path}`, `give the reporter "${name}" another file`)
    for (const one of identities) taken.add(one)
  }
}

/** The path of a reporter's file, and those that it derives from that. */
const writtenFiles = (name: string, file: string): string[] => [
  file,
  ...((Object.hasOwn(reporters, name) && reporters[name]?.filesOf?.(file)) || []),
]

/** A reporter for `--reporter` of a command that runs in `cwd`. */
const askedAs = ({ name, base, ...wanted }: Wanted, file: string | undefined, cwd: string): string =>
  base === cwd ? `${name}=${wanted.file}` : `${isPath(name) ? resolve(base, name) : name}=${file}`

const isPath = (name: string): boolean => /^\.{0,2}\//.test(name) || /\.[cm]?[jt]s$/.test(name)

function createBuiltIn({ name, options }: Wanted, context: ReporterContext): Reporter {
  const factory = Object.hasOwn(reporters, name) ? reporters[name] : undefined
  if (!factory) {
    const close = closestMatch(name, Object.keys(reporters))
    throw new UsageError(
      `there is no reporter "${name}"`,
      close
        ? `did you mean "${close}"?`
        : `use one of: ${Object.keys(reporters).join(', ')}, or the path of your own: ./my-reporter.ts`,
    )
  }
  if (options) throw new UsageError(`the reporter "${name}" has no options`, `write '${name}' in the config`)
  return factory.create(context)
}

/** The names of all hooks: a multiplexer has every one. */
const hooks = Object.keys(multiplexReporters([], () => {})) as (keyof Reporter)[]

/** The reporter in a file of the user, and every file in its bundle. */
async function importReporter({ name, base }: Wanted, root: string) {
  const path = isAbsolute(name) ? name : resolve(base, name)
  const fix = 'write: export default defineReporter({ name, description, create })'
  const { value, inputs } = await importDefault(root, relative(root, path), fix)
  const factory = value as Partial<ReporterDefinition> | null
  if (typeof factory?.create !== 'function') {
    throw new UsageError(`the default export of ${name} is not a reporter: it has no create function`, fix)
  }
  return { factory: factory as ReporterDefinition, inputs }
}

/** Warnings of methods that look like hooks, because isobench never calls them. */
function unknownHooks(reporter: Reporter, { what, root }: ProjectObject, file: string): Problem[] {
  const methods = new Map<string, unknown>()
  for (let one: object | null = reporter; one && one !== Object.prototype; one = Reflect.getPrototypeOf(one))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
      if (typeof value === 'function') methods.set(name, value)
  const known: readonly string[] = hooks
  // Methods such as `once` of an event emitter are no misspelled hooks.
  const isHook = (name: string) => /^on[A-Z]/.test(name) || (/^on/i.test(name) && closestMatch(name, known))
  return [...methods]
    .filter(([name]) => !known.includes(name) && isHook(name))
    .map(([name, method]) => {
      const location = functionLocation(method, root)
      const message = `${what} has the method ${name}(), and there is no such hook.`
      return { file, message, fix: suggestion(name, known), ...(location && { location }) }
    })
}

function createOutside(
  factory: ReporterDefinition,
  { name, options = {} }: Wanted,
  context: ReporterContext,
  output: OutputFile | undefined,
  root: string,
  warn: (problems: readonly Problem[]) => void,
  onStray: (error: StrayError) => boolean,
): Reporter {
  const out = output && { write: (text: string) => output.write(text), isTTY: false, columns: 100 }
  const { against } = context
  const given = {
    ...context,
    ...(out && { out, color: false }),
    ...(against && { against: (report: Report) => structuredClone(against(report)) }),
  }
  const object: ProjectObject = { what: `the reporter "${name}"`, reference: 'docs/how-to/add-a-reporter.md', root }
  const start = (call: () => unknown) => markStrayErrors(onStray, call, object.what)
  const rules = { start, returns: z.object({}), returned: 'an object with hooks' }
  const reporter = callMethod(object, 'create', factory.create, () => factory.create(given, options), rules)
  warn(unknownHooks(reporter as Reporter, object, name))
  // A change of an argument would change what isobench and other reporters use.
  const hook = { start, isAsync: true, prepareArguments: (given: readonly unknown[]) => structuredClone(given) }
  return guardObject(object, reporter as Reporter, Object.fromEntries(hooks.map((name) => [name, hook])))
}

/** Compares a report with a baseline. */
export type BaselineReader = (report: Report) => BaselineView

/**
 * Reads the baseline once, and compares each report once, for the exit code and all reporters. Shows a run of another
 * host too; `run` and `compare` refuse that.
 */
export function baselineReader(
  { name, file }: Baseline,
  { margin: marginPercent, allowMissing }: Pick<Options, 'margin'> & Partial<Pick<Options, 'allowMissing'>>,
): BaselineReader {
  let before: { readonly record: RunRecord; readonly report: Report } | undefined
  const views = new Map<string, BaselineView>()
  return ({ record: now }) => {
    const known = views.get(now)
    if (known) return known
    if (!before) {
      const record = readRecord(file)
      before = { record, report: buildReport(record, { strict: false }) }
    }
    const options = { marginPercent, allowMissing }
    const comparison = compareRecords(before.record, readRecord(now), options)
    const view = { name, report: before.report, comparison }
    views.set(now, view)
    return view
  }
}
