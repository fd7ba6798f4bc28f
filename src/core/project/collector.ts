import { AsyncLocalStorage } from 'node:async_hooks'
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { parentPort } from 'node:worker_threads'
import type { Claim } from '../../dsl/claim.ts'
import { DefinitionError, type Location } from '../../dsl/errors.ts'
import {
  type BenchSpec,
  collectRegistrations,
  type MadeExpectation,
  type MadePart,
  refuseLate,
  type UnfinishedCall,
} from '../../dsl/registry.ts'
import {
  ChangedBuiltinsError,
  explainByBuiltins,
  lastingChanges,
  rememberBuiltins,
  restoreBuiltins,
  withRestoredBuiltins,
} from '../../util/builtins.ts'
import { errorMessage, isError, readableError, toText } from '../../util/errors.ts'
import { refuseOwnSignals } from '../../util/own-signals.ts'
import { redirectStandardDescriptor } from '../../util/standard-descriptor.ts'
import { keepOpen } from '../../util/standard-output.ts'
import { handleUncaughtErrors } from '../../util/uncaught-errors.ts'
import type { BenchData, FindingData, Problem } from '../model/suite.ts'
import { definitionDetails } from './definition-details.ts'
import { isProjectFile, stackLocation } from './error-location.ts'
import { importModule } from './import-module.ts'
import { safeFrames, watchLeftovers } from './leftovers.ts'

/** A worker that imports compiled bench files. A file that hangs or exits ends only the worker. */

/** What the worker imports. */
export interface CollectJob {
  readonly root: string
  readonly files: readonly { readonly file: string; readonly output: string }[]
  /** All bench files of the project, also those that are not to be imported. Relative to the project. */
  readonly benchFiles: readonly string[]
  /** Part of every message of this worker. User code can post to the same port, and does not know it. */
  readonly token: string
}

/** A bench without the digest of its work, for which the sources are needed. */
export type CollectedBench = Omit<BenchData, 'digest'>

/** What the worker posts. */
export type CollectMessage = { readonly token: string } & CollectEvent

type CollectEvent =
  | { readonly kind: 'importing'; readonly file: string }
  /** What the file printed. Parts of a line come apart. */
  | { readonly kind: 'output'; readonly file: string; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly kind: 'collected'
      readonly file: string
      readonly benches: CollectedBench[]
      readonly findings: FindingData[]
      /** Every claim that `expect(metric)` made, whether a finding has it or not. */
      readonly claims: Claim[]
      /** Every expectation and every part, whether a bench or a finding has it or not. */
      readonly expectations: MadeExpectation[]
      readonly parts: MadePart[]
      readonly problems: Problem[]
      readonly warnings: Problem[]
    }
  /** Of all files, when they were collected: what they did after their imports. */
  | { readonly kind: 'settled'; readonly problems: Problem[]; readonly warnings: Problem[] }
  /** The file changed builtins for good. This worker imports no more files. */
  | { readonly kind: 'spoilt'; readonly names: readonly string[] }

process.setSourceMapsEnabled(true)
redirectStandardDescriptor()

// The job is a message, not worker data, so that the worker starts while the files are compiled.
const { root, files, benchFiles, token } = await new Promise<CollectJob>((resolve) =>
  parentPort!.once('message', resolve),
)

const postMessage = parentPort!.postMessage.bind(parentPort!)
const post = (event: CollectEvent) => postMessage({ ...event, token } satisfies CollectMessage)
// A module that is also the code of a worker may close its port.
parentPort!.close = () => {}

/** The bench files by their real path, which is the one in source maps. */
const byRealPath = new Map(benchFiles.map((file) => [realpathOf(join(root, file)), file]))

function realpathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/**
 * The bench file that registers something while `importing` is imported: the outermost caller that is a bench file. A
 * bench that an imported bench file registers belongs to that file, and one of a helper function to the file that
 * called it.
 */
const ownerOf = (importing: string) => (callers: readonly Location[]) => {
  if ((running.getStore() ?? importing) !== importing) refuseLate(callers)
  const outermost = callers.findLast(({ file }) => byRealPath.has(file))
  return outermost ? byRealPath.get(outermost.file)! : importing
}

/**
 * The calls of the file that had to be followed by another one. Not those of the top level of other modules: they may
 * be there for other bench files.
 */
const unfinishedCalls = (file: string, calls: ReadonlySet<UnfinishedCall>): DefinitionError[] =>
  [...calls]
    .filter(({ callers }) => callers.some((caller) => byRealPath.get(caller.file) === file))
    .map(
      ({ name, callers }) =>
        new DefinitionError(
          `${name} registers no bench without a second call.`,
          `write ${name.replace('()', '(rows)')}('%s', (row) => workload(...))`,
          callers[0],
        ),
    )

/** JSON if possible. A bigint and a circular object are not. */
function asText(thrown: unknown): string {
  try {
    return JSON.stringify(thrown) ?? toText(thrown)
  } catch {
    return toText(thrown)
  }
}

function problem(file: string, thrown: unknown): Problem {
  const error = readableError(thrown)
  const { fix, location: known, message: clear } = definitionDetails(error, join(root, file))
  const location = known ?? (isError(error) ? stackLocation(String(error.stack), root) : undefined)
  const message = clear ?? (isError(error) ? errorMessage(error) : `it threw ${asText(error)}`)
  return { file, message, ...(fix !== undefined && { fix }), ...(location && { location }) }
}

function benchData(bench: BenchSpec, file: string, id: (name: string) => string): CollectedBench {
  const { workload } = bench
  return {
    id: id(bench.key),
    file,
    name: bench.name,
    mode: bench.mode,
    tags: bench.tags,
    params: bench.params,
    ...(Object.keys(bench.profiles).length > 0 && { profiles: bench.profiles }),
    metrics: workload?.metrics ?? {},
    workload: {
      name: workload?.name ?? '',
      kind: workload?.work.kind ?? 'commands',
      lifecycle: workload?.lifecycle ?? 'round',
      ...(workload?.traced && { traced: workload.traced.source }),
    },
    ...(bench.timeout !== undefined && { timeout: bench.timeout }),
    ...(bench.beside && { beside: bench.beside }),
    claims: bench.claims.map((claim) => ({ ...claim, bench: id(claim.bench) })),
    ...(bench.location && { location: bench.location }),
  }
}

/** The file that the code that runs now belongs to, also in a timer that it has left behind. */
const running = new AsyncLocalStorage<string>()

/** Errors that nothing handles. An interval throws the same one again and again. */
const stray: Problem[] = []
let posted = 0
const addStray = (found: Problem) => {
  if (!stray.some((known) => isDeepStrictEqual(known, found))) stray.push(found)
}
let importing = ''
const unhandledFix = 'handle it in the bench file: await the promise, or catch the error'
const onStray = (error: unknown) => {
  try {
    addStray({ fix: unhandledFix, ...problem(running.getStore() ?? importing, explainByBuiltins(error, 'it')) })
  } catch {
    // The file changed builtins for good, and is refused for that.
  }
}
// Otherwise it would end the worker, and with it the import of another file if a timer calls it.
for (const name of ['exit', 'reallyExit'] as const)
  Object.assign(process, {
    [name]: (code?: number | string) => {
      throw new DefinitionError(
        `it called process.${name}(${code ?? ''})`,
        `a bench file must not call process.${name}`,
      )
    },
  })
refuseOwnSignals((call) => {
  throw new DefinitionError(`it called ${call}, which reaches isobench`, 'send signals only to child processes')
})
handleUncaughtErrors(onStray)

/** Streams of a worker have no descriptor, but user code writes to it, or gives it to child processes. */
for (const [fd, stream] of (['stdin', 'stdout', 'stderr'] as const).entries())
  Object.defineProperty(process[stream], 'fd', { value: fd, configurable: true })

/** Node's streams of a worker do not say which file printed, and arrive after its messages. */
for (const stream of ['stdout', 'stderr'] as const) {
  keepOpen(process[stream], ['finish', 'close'])
  process[stream].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    post({ kind: 'output', file: running.getStore() ?? importing, stream, text })
    const done = rest.findLast((one) => typeof one === 'function')
    if (done) queueMicrotask(done as () => void)
    return true
  }
}

/** Milliseconds that timers and reads of a file get after its import, to show what they register or throw. */
const settleMs = 100
const unfinished = new Set(['Timeout', 'Immediate', 'FSReqCallback', 'FSReqPromise'])

/** Waits until Node has reported the rejections of the import, and for what the import has left behind. */
async function settled(): Promise<void> {
  const end = performance.now() + settleMs
  do await sleep(1)
  while (performance.now() < end && process.getActiveResourcesInfo().some((resource) => unfinished.has(resource)))
}

/** A bench file threw after it had these problems. The error is often a result of them. */
class FailedImport extends Error {
  constructor(
    readonly before: readonly DefinitionError[],
    cause: unknown,
  ) {
    super('the import failed', { cause })
  }
}

const leftovers = watchLeftovers(
  () => running.getStore(),
  (file) => isProjectFile(root, file),
)

/** Milliseconds that all files get after the last import, if something that they started has not ended. */
const longestSettleMs = 1000

/** Waits for what the files have started, so that a late registration is an error. */
async function leftoversEnded(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end && leftovers(milliseconds).length > 0) await sleep(5)
}

/** Of what has not ended. */
const leftWarnings = (): Problem[] =>
  leftovers(0)
    .filter(({ isReferenced }) => isReferenced)
    .map(({ what, fix, file, location }) => ({
      file,
      message: `the file starts ${what} and does not await it, so a bench that it registers later would be missing.`,
      fix,
      ...(location && { location }),
    }))

/** What a bench file does when the process ends. isobench ends the worker, and Node.js does not call it then. */
interface EndListener {
  readonly event: 'beforeExit' | 'exit'
  readonly listener: (code: number) => unknown
  readonly file: string
}
const endListeners: EndListener[] = []
// Its frame hides the frames of packages that replace `process.emit`.
const addListener = process.on
process.on('newListener', (event, listener) => {
  const file = running.getStore()
  if (file === undefined || (event !== 'beforeExit' && event !== 'exit')) return
  const [location] = safeFrames(addListener)
  if (!location || isProjectFile(root, location.file)) endListeners.push({ event, listener, file })
})

/** Calls what the files do at the end, so that a registration there is an error. */
async function callEndListeners(wanted: EndListener['event']): Promise<void> {
  const known = process.listeners(wanted as NodeJS.Signals) as unknown[]
  for (const { event, listener, file } of endListeners) {
    if (event !== wanted || !known.includes(listener)) continue
    importing = file
    post({ kind: 'importing', file })
    running.run(file, () => {
      try {
        listener.call(process, 0)
      } catch (error) {
        onStray(error)
      }
    })
  }
  await leftoversEnded(settleMs)
}

/** Ends collecting if nothing can undo what the file changed: the next file must not run with it. */
function isSpoilt(): boolean {
  const names = lastingChanges()
  if (names.length > 0) post({ kind: 'spoilt', names })
  return names.length > 0
}

rememberBuiltins()
let collected = 0
for (const { file, output } of files) {
  post({ kind: 'importing', file })
  importing = file
  let result: Omit<Extract<CollectEvent, { kind: 'collected' }>, 'kind' | 'file'>
  try {
    const url = pathToFileURL(output).href
    const load = () => running.run(file, () => withRestoredBuiltins('it', () => importModule(root, url)))
    const thrown: unknown[] = []
    const { benches, findings, claims, expectations, parts, problems, warnings, unfinished } =
      await collectRegistrations(() => load().catch((error: unknown) => thrown.push(error)), ownerOf(file))
    if (thrown.length > 0) throw new FailedImport(problems, thrown[0])
    const owners = new Map(benches.map((bench) => [bench.key, bench]))
    const id = (key: string) => `${owners.get(key)?.owner ?? file}#${owners.get(key)?.name ?? key}`
    const named = (claim: Claim): Claim => ({ ...claim, bench: id(claim.bench) })
    result = {
      benches: benches.filter(({ owner }) => owner === file).map((bench) => benchData(bench, file, id)),
      findings: findings
        .filter(({ owner }) => owner === file)
        .map(({ misprint, owner: _, ...finding }) => ({
          ...finding,
          parts: finding.parts.map((one) => ({ ...one, claims: one.claims.map(named) })),
          ...(misprint && { misprint: { ...misprint, claims: misprint.claims.map(named) } }),
          file,
        })),
      claims: claims.map(named),
      expectations,
      parts: parts.map((one) => ({ ...one, claims: one.claims.map(named) })),
      problems: [...problems, ...unfinishedCalls(file, unfinished)].map((error) => problem(file, error)),
      warnings: warnings.map((error) => problem(file, error)),
    }
  } catch (error) {
    if (isSpoilt()) break
    const nothing = { benches: [], findings: [], claims: [], expectations: [], parts: [], warnings: [] }
    const all = error instanceof FailedImport ? [...error.before, error.cause] : [error]
    result = { ...nothing, problems: all.map((one) => problem(file, one)) }
  }
  await settled()
  const changed = restoreBuiltins()
  if (isSpoilt()) break
  if (changed.length > 0) addStray(problem(file, new ChangedBuiltinsError(changed, 'it')))
  post({ kind: 'collected', file, ...result, problems: [...result.problems, ...stray.slice(posted)] })
  posted = stray.length
  collected++
}
if (collected === files.length) {
  await leftoversEnded(longestSettleMs)
  const warnings = leftWarnings()
  await callEndListeners('beforeExit')
  await callEndListeners('exit')
  if (!isSpoilt()) post({ kind: 'settled', problems: stray.slice(posted), warnings })
}
