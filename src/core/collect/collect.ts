import { Worker } from 'node:worker_threads'
import { bundlePath } from '../../entries.ts'
import { type Compiled, compileAll } from '../compile.ts'
import type { Problem } from '../errors.ts'
import { importTimeout } from '../time-limits.ts'
import { checkSuite } from './check.ts'
import type { CollectJob, CollectMessage } from './collector.ts'
import type { BenchData, FindingData, Suite } from './types.ts'

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
