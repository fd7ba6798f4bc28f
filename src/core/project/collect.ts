import { Worker } from 'node:worker_threads'
import { bundlePath } from '../../util/assets.ts'
import { UsageError } from '../../util/errors.ts'
import type { BenchData, FindingData, Problem, Suite } from '../model/suite.ts'
import type { CollectJob, CollectMessage } from './collector.ts'
import { type Compiled, compileAll } from './compile.ts'

/** Finds what is only wrong once all files are known, and keeps what is sound. */
export function checkSuite(suite: Suite, files: readonly string[]): Suite {
  const problems: Problem[] = [...suite.problems]
  const spoilt = new Set(problems.map(({ file }) => file))
  const filesWith = new Set([...suite.benches, ...suite.findings].map(({ file }) => file))
  const known = new Map(suite.benches.map((bench) => [bench.id, bench]))
  const owners = new Map<number, string>()
  const findings = suite.findings.filter(({ id, file, location, claims, misprint: asPrinted }) => {
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
    const stray = [...claims, ...(asPrinted?.claims ?? [])].find(
      (claim) => !known.has(claim.bench) && !spoilt.has(file),
    )
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

/** Time limits that a machine which is itself emulated needs to be longer, each by a variable of the environment. */

/**
 * Seconds as the variable has them, or as usual where it is not set.
 * @throws UsageError when it is no number of seconds up to 3600.
 */
function secondsOf(variable: string, usual: number): number {
  const given = process.env[variable]
  if (!given) return usual
  const seconds = Number(given)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new UsageError(`${variable}="${given}" is no number of seconds`, 'write a number up to 3600: 120')
}

/** Seconds that booting one process may take before a platform counts as not working; emulated CPUs need more. */
export const bootTimeout = (emulated: boolean): number => secondsOf('ISOBENCH_PROBE_SECONDS', emulated ? 90 : 20)

/** Seconds that importing the config, or one bench file, may take. */
export const importTimeout = (): number => secondsOf('ISOBENCH_IMPORT_SECONDS', 10)

export interface Collected {
  readonly suite: Suite
  /** By file, for those that can be run. */
  readonly compiled: ReadonlyMap<string, Compiled>
}

interface Gathered {
  readonly benches: BenchData[]
  readonly findings: FindingData[]
  readonly problems: Problem[]
}

/** Compiles the files and reads what they register. A file that cannot be used is a problem; the others are read. */
export async function collect(root: string, files: readonly string[]): Promise<Collected> {
  // Started first: it takes as long to start as the files take to compile.
  let worker: Worker | undefined = startWorker()
  const results = await compileAll(root, files)
  const compiled = results.flatMap((result) => (result.ok ? [result.compiled] : []))
  const gathered: Gathered = {
    benches: [],
    findings: [],
    problems: results.flatMap((result) => (result.ok ? [] : result.problems)),
  }
  for (let left = compiled; left.length > 0; worker = undefined) {
    left = await importAll(root, left, worker ?? startWorker(), gathered)
  }
  void worker?.terminate()
  return { suite: checkSuite(gathered, files), compiled: new Map(compiled.map((one) => [one.file, one])) }
}

const startWorker = () => new Worker(bundlePath('collector'), { stdout: true, stderr: true })

/** Imports files one after the other in a worker; returns those that are left when one of them had to be ended. */
function importAll(root: string, files: readonly Compiled[], worker: Worker, into: Gathered): Promise<Compiled[]> {
  const job: CollectJob = { root, files: files.map(({ file, output, digest }) => ({ file, output, digest })) }
  worker.postMessage(job)
  const limit = importTimeout()
  let current = files[0]!.file
  let done = 0
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout
    const neverEnds = 'look for a loop, or an await that never ends, at its top level'
    const finish = (problem?: string, fix?: string) => {
      clearTimeout(timer)
      void worker.terminate()
      if (problem) into.problems.push({ file: current, message: problem, ...(fix && { fix }) })
      resolve(files.slice(done + (problem ? 1 : 0)))
    }
    const restart = () => {
      clearTimeout(timer)
      timer = setTimeout(() => finish(`importing it took longer than ${limit} s`, neverEnds), limit * 1000)
    }
    restart()
    worker.on('message', (message: CollectMessage) => {
      restart()
      if (message.kind === 'importing') current = message.file
      else {
        done++
        into.benches.push(...message.benches)
        into.findings.push(...message.findings)
        into.problems.push(...message.problems)
        if (done === files.length) finish()
      }
    })
    worker.on('error', (error) => done < files.length && finish(error.message))
    worker.on('exit', (code) => {
      if (done === files.length) return
      // Node's own code for a top-level await that nothing is left to settle.
      if (code === 13) finish('importing it never ends', neverEnds)
      else finish(`it ended the process (exit code ${code})`, 'a bench file must not call process.exit')
    })
  })
}

/**
 * Waits to be told that all is well, and else ends what the main thread executes at that moment: a loop leaves it no turn in which
 * it could end itself. What was being imported then never settles, and the main thread goes on.
 */
const watching = `const { Session } = require('node:inspector')
const [told, milliseconds] = require('node:worker_threads').workerData
if (Atomics.wait(told, 0, 0, milliseconds) === 'timed-out') {
  const session = new Session()
  session.connectToMainThread()
  session.post('Runtime.terminateExecution')
}`

/**
 * Until it is disposed of, and after `seconds`, ends an endless loop in this process's own code. Something else has to end what
 * merely waits, and before that: this would hit whatever is executed next.
 */
export function interruptLoopAfter(seconds: number): Disposable {
  const told = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const worker = new Worker(watching, { eval: true, workerData: [told, seconds * 1000] })
  worker.unref()
  return {
    [Symbol.dispose]: () => {
      Atomics.store(told, 0, 1)
      Atomics.notify(told, 0)
    },
  }
}
