import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Location } from '../../dsl/errors.ts'
import type { FindingId } from '../../dsl/finding-id.ts'
import { bundlePath } from '../../util/assets.ts'
import { endWorker } from '../../util/blocked-threads.ts'
import { ChangedBuiltinsError } from '../../util/builtins.ts'
import { messageOf } from '../../util/errors.ts'
import { keepStandardError, outputHeading } from '../../util/standard-output.ts'
import { importTimeout } from '../../util/time-limits.ts'
import { stackOfLoopingWorker } from '../../util/watchdog.ts'
import { type BenchData, claimsOfFinding, type FindingData, type Problem, type Suite } from '../model/suite.ts'
import type { CollectedBench, CollectJob, CollectMessage } from './collector.ts'
import { type Compiled, compileAll } from './compile.ts'
import { definitionDetails } from './definition-details.ts'
import { stackLocation } from './error-location.ts'
import { locateAwait } from './locate-word.ts'
import { neverEnds } from './time-limit.ts'
import { type Made, unusedClaims } from './unused-claims.ts'
import { benchDigest, inGuestDigest } from './work-digest.ts'

/** Finds the problems that show only when all files are known, and removes the findings that have one. */
export function checkSuite(suite: Suite, files: readonly string[]): Suite {
  const problems: Problem[] = [...suite.problems]
  const spoilt = new Set(problems.map(({ file }) => file))
  const filesWith = new Set([...suite.benches, ...suite.findings].map(({ file }) => file))
  const known = new Map(suite.benches.map((bench) => [bench.id, bench]))
  const owners = new Map<FindingId, string>()
  const findings = suite.findings.filter((finding) => {
    const { id, file, location } = finding
    const at = location ? { location } : {}
    const owner = owners.get(id)
    if (owner !== undefined) {
      problems.push({
        file,
        message: `finding ${id} is stated in ${owner} already`,
        fix: 'put its claims into one finding()',
        ...at,
      })
      return false
    }
    owners.set(id, file)
    const stray = claimsOfFinding(finding).find((claim) => !known.has(claim.bench) && !spoilt.has(file))
    if (stray) {
      const fix = 'register the bench in a file that the config includes'
      problems.push({
        file,
        message: `finding ${id} is about a bench that is not collected: ${stray.bench}`,
        fix,
        ...at,
      })
      return false
    }
    return true
  })
  return { benches: suite.benches, findings, problems: [...problems, ...emptyFiles(files, filesWith, spoilt)] }
}

function emptyFiles(files: readonly string[], withSome: ReadonlySet<string>, spoilt: ReadonlySet<string>): Problem[] {
  return files
    .filter((file) => !withSome.has(file) && !spoilt.has(file))
    .map((file) => ({ file, message: 'it registers no bench', fix: "call bench('name', workload) at its top level" }))
}

/** The content of the bench files. */
export interface Collected {
  readonly suite: Suite
  /** The compiled files that can be run, by file. */
  readonly compiled: ReadonlyMap<string, Compiled>
  /** What the bundler warns of, lists without rows, and claims that nothing judges. They fail nothing. */
  readonly warnings: readonly Problem[]
}

interface Gathered {
  readonly benches: CollectedBench[]
  readonly findings: FindingData[]
  readonly made: { readonly [K in keyof Made]: Made[K][number][] }
  readonly problems: Problem[]
  readonly warnings: Problem[]
}

interface CollectOptions {
  /** All bench files of the project, if `files` are only some of them. */
  readonly benchFiles?: readonly string[]
  /** Whether what bench files print is shown. Default: true. */
  readonly printOutput?: boolean
  /** A worker that may have been started before, without output. */
  readonly spare?: SpareWorker
}

/** Starts a worker before it is needed. To start one takes a third of the time from a save to its verdict in watch. */
export class SpareWorker implements Disposable {
  #worker: Worker | undefined

  /** Starts the worker, unless it waits already. */
  start(): void {
    if (this.#worker) return
    const worker = startWorker(false)
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined
    }
    worker.once('exit', forget)
    worker.once('error', forget)
    worker.unref()
    this.#worker = worker
  }

  /** The worker, if it was started. The caller ends it. */
  take(): Worker | undefined {
    const worker = this.#worker
    this.#worker = undefined
    worker?.ref()
    return worker
  }

  [Symbol.dispose](): void {
    const worker = this.take()
    if (worker) endWorker(worker)
  }
}

/** Compiles the files and reads what they register. A file that cannot be used becomes a problem. */
export async function collect(
  root: string,
  files: readonly string[],
  { benchFiles = files, printOutput = true, spare }: CollectOptions = {},
): Promise<Collected> {
  // The worker starts while the files are compiled. Both take about the same time.
  let worker: Worker | undefined = spare?.take() ?? startWorker(printOutput)
  const results = await compileAll(root, files).catch((error: unknown) => {
    if (worker) endWorker(worker)
    throw error
  })
  const compiled = results.flatMap((result) => (result.ok ? [result.compiled] : []))
  const gathered: Gathered = {
    benches: [],
    findings: [],
    made: { claims: [], expectations: [], parts: [] },
    problems: results.flatMap((result) => (result.ok ? [] : result.problems)),
    warnings: compiled.flatMap((one) => one.warnings),
  }
  // Digested while the worker imports.
  const digesting = Promise.all(compiled.map(async (one) => [one.file, await benchDigest(one, root)] as const))
  for (let left = compiled; left.length > 0; worker = undefined) {
    left = await importAll({ root, benchFiles }, left, worker ?? startWorker(printOutput), gathered)
  }
  if (worker) endWorker(worker)
  const digests = new Map(await digesting)
  const digestOf = ({ file, workload }: CollectedBench) =>
    workload.kind === 'in-guest' ? inGuestDigest(digests.get(file)!) : digests.get(file)!
  const benches = gathered.benches.map((bench): BenchData => ({ ...bench, digest: digestOf(bench) }))
  const { findings, problems } = gathered
  const warnings = withoutRepeats([...gathered.warnings, ...unusedClaims(gathered.made, findings, problems)])
  return {
    suite: checkSuite({ benches, findings, problems }, files),
    compiled: new Map(compiled.map((one) => [one.file, one])),
    warnings,
  }
}

/** A file that several bench files import has its warnings once. */
function withoutRepeats(warnings: readonly Problem[]): Problem[] {
  const keys = warnings.map(({ message, location }) => JSON.stringify([message, location]))
  return warnings.filter((_, at) => keys.indexOf(keys[at]!) === at)
}

/** Of the messages of workers that are not user code's. */
const token = randomUUID()

// Taken before the config is imported, which may replace its `write`.
const err = keepStandardError(process)

/** What bench files print goes to standard error, because standard output may be a report that a machine reads. */
function startWorker(printOutput: boolean): Worker {
  const worker = new Worker(bundlePath('collector'), { stdout: true, stderr: true })
  if (!printOutput) return worker
  // What Node itself prints, such as a warning.
  for (const stream of [worker.stdout, worker.stderr]) stream.on('data', (chunk: Buffer) => void err.write(chunk))
  let heading = ''
  worker.on('message', (message: CollectMessage) => {
    if (message?.token !== token || message.kind !== 'output') return
    const now = outputHeading(message.stream, message.file)
    err.write(now === heading ? message.text : now + message.text)
    heading = now
  })
  return worker
}

const jobOf = (project: Pick<CollectJob, 'root' | 'benchFiles'>, files: readonly Compiled[]): CollectJob => ({
  ...project,
  token,
  files: files.map(({ file, output }) => ({ file, output })),
})

const isFullHeap = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'

const fullHeap = {
  message: 'importing it fills the heap of Node.js',
  fix:
    'look for data that grows without end at its top level, or allow more MiB: ' +
    'NODE_OPTIONS=--max-old-space-size=8192',
}

/**
 * Where a file is when half of the time has passed in which it filled the heap. V8 ends such a worker without a stack,
 * so another one imports the file again.
 */
async function locateFullHeap(
  project: Pick<CollectJob, 'root' | 'benchFiles'>,
  file: Compiled,
  milliseconds: number,
): Promise<Location | undefined> {
  const worker = startWorker(false)
  const ended = new Promise<void>((resolve) => worker.once('error', () => resolve()))
  const started = new Promise<void>((resolve) =>
    worker.on('message', ({ kind }: CollectMessage) => kind === 'importing' && resolve()),
  )
  worker.postMessage(jobOf(project, [file]))
  await Promise.race([ended, started.then(() => sleep(milliseconds / 2))])
  const stack = await stackOfLoopingWorker()
  endWorker(worker)
  return stack && stackLocation(stack.join('\n'), project.root)
}

/** Imports files one after the other in a worker. Returns the files that are left if a file had to be ended. */
function importAll(
  project: Pick<CollectJob, 'root' | 'benchFiles'>,
  files: readonly Compiled[],
  worker: Worker,
  into: Gathered,
): Promise<Compiled[]> {
  worker.postMessage(jobOf(project, files))
  const limit = importTimeout()
  let current = files[0]!.file
  let since = performance.now()
  let done = 0
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout
    let isOver = false
    let isFull = false
    const finish = (message?: string, fix?: string, location?: Location) => {
      // The end of a worker that was terminated has no cause in the bench file.
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      endWorker(worker)
      if (message !== undefined)
        into.problems.push({ file: current, message, ...(fix && { fix }), ...(location && { location }) })
      resolve(files.slice(done + (message === undefined ? 0 : 1)))
    }
    const awaitOf = (file: string) => locateAwait(join(project.root, file))
    const stop = async () => {
      const file = current
      const stack = await stackOfLoopingWorker()
      const location = (stack && stackLocation(stack.join('\n'), project.root)) ?? awaitOf(file)
      // It may have ended in the last moment.
      if (file === current) finish(`importing it took longer than ${limit} s`, neverEnds, location)
    }
    const restart = () => {
      if (isOver) return
      clearTimeout(timer)
      timer = setTimeout(() => void stop(), limit * 1000)
    }
    restart()
    worker.on('message', (message: CollectMessage) => {
      // A file that prints without an end must not prolong its time.
      if (message?.token !== token || message.kind === 'output') return
      restart()
      if (message.kind === 'importing') {
        current = message.file
        since = performance.now()
      } else if (message.kind === 'collected') {
        done++
        into.benches.push(...message.benches)
        into.findings.push(...message.findings)
        const { file } = message
        into.made.claims.push(...message.claims.map((one) => ({ ...one, file })))
        into.made.expectations.push(...message.expectations.map((one) => ({ ...one, file })))
        into.made.parts.push(...message.parts.map((one) => ({ ...one, file })))
        into.problems.push(...message.problems)
        into.warnings.push(...message.warnings)
      } else if (message.kind === 'settled') {
        into.problems.push(...message.problems)
        into.warnings.push(...message.warnings)
        finish()
      } else if (message.kind === 'spoilt') {
        const error = new ChangedBuiltinsError(message.names, 'it', undefined, true)
        const { fix, location } = definitionDetails(error, join(project.root, current))
        finish(messageOf(error), fix, location)
      }
    })
    worker.on('error', async (error: unknown) => {
      isFull = isFullHeap(error)
      if (!isFull) return finish(messageOf(error))
      clearTimeout(timer)
      const full = files.find(({ file }) => file === current)!
      finish(fullHeap.message, fullHeap.fix, await locateFullHeap(project, full, performance.now() - since))
    })
    worker.on('exit', (code) => {
      if (isFull) return
      // Node exits with 13 if a top-level await never settles.
      if (code === 13) finish('importing it never ends', neverEnds, awaitOf(current))
      else finish(`it ended the process (exit code ${code})`, 'a bench file must not call process.exit')
    })
  })
}
