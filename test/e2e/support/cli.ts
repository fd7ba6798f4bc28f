/** A project in a temporary folder, in which tests run the real command line. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa, type ResultPromise } from 'execa'
import { expect } from 'vitest'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { type Report, reportSchema } from '../../../src/core/model/report.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'

export const repository = fileURLToPath(new URL('../../..', import.meta.url))
const bin = join(repository, 'bin/isobench.js')

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface CliOptions {
  /** Seconds until the command line is stopped; 150 by default. */
  readonly timeout?: number
  /** Whether `run` may measure disturbed samples again. Not by default, so that the number of samples is known. */
  readonly remeasure?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Relative to the project. */
  readonly cwd?: string
  /** A command that executes the command line, such as `nohup`. */
  readonly wrapper?: readonly string[]
}

/** The first lines of every inline bench file. */
export const imports = `import { bench, expect, finding, higher, lower, platform, workload } from 'isobench'
import { command } from 'isobench/tools'
`

/** A config with these kinds of platforms. No warm-up, because the values do not matter here. */
export const config = (...kinds: string[]) => `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [${kinds.map((kind) => `platform('${kind}')`).join(', ')}],
  profiles: { quick: { warmup: 0 } },
})
`

/**
 * A bench file with one bench. The guest prints its values. `code` is the workload's body and returns `{ time }`.
 * There, `say(value)` makes the guest print a number.
 */
export const benchFile = (code: string, options = '{}', name = 'spoken') => `${imports}
const work = workload('${name}', {
  metrics: { time: lower('ms') },
  async run({ guest, seconds, client }) {
    const say = async (value: unknown) => Number((await guest.exec(command('echo', String(value)))).stdout)
    ${code}
  },
})
export const it = bench('${name}', work, ${options})
`

/** The children of a process that wait for its end and then run `isobench clean`. Others may end at any time. */
export const cleanupProcesses = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => commandLine(child).endsWith('\0clean\0'))
    .map(Number)

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** A running command line. */
export class Running {
  #text = ''

  constructor(readonly child: ResultPromise<{ reject: false; all: true }>) {
    child.all.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString()
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  get text(): string {
    return this.#text
  }

  /** Waits until `condition` is true. @throws {Error} if the process ends or `seconds` pass before that */
  async until(condition: () => boolean, what: string, seconds = 120): Promise<void> {
    let ended = false
    void this.child.then(() => {
      ended = true
    })
    for (let left = seconds * 20; !condition(); left--) {
      if (ended || left <= 0)
        throw new Error(`${ended ? 'the process ended' : 'the time ran out'} before ${what}:\n${this.text}`)
      await sleep(50)
    }
  }

  /** Sends a signal. SIGKILL goes to the process that would clean up, too. */
  async kill(signal: NodeJS.Signals): Promise<Outcome> {
    if (signal === 'SIGKILL') for (const pid of cleanupProcesses(this.pid)) process.kill(pid, signal)
    process.kill(this.pid, signal)
    return this.end()
  }

  async end(): Promise<Outcome> {
    return outcome(await this.child)
  }
}

function outcome(result: {
  exitCode?: number | undefined
  signal?: string | undefined
  stdout?: unknown
  stderr?: unknown
  durationMs: number
  timedOut: boolean
}): Outcome {
  const [stdout, stderr] = [String(result.stdout ?? ''), String(result.stderr ?? '')]
  if (result.timedOut) throw new Error(`isobench did not end in time:\n${stdout}\n${stderr}`)
  return { exitCode: result.exitCode ?? -1, stdout, stderr, seconds: result.durationMs / 1000 }
}

export class Project {
  readonly #started: Running[] = []

  private constructor(readonly root: string) {}

  /** Creates the folder, which is removed at the end of the scope: `using project = Project.with({ ... })`. */
  static with(files: Readonly<Record<string, string>> = {}): Project {
    const project = new Project(realpathSync(mkdtempSync(join(tmpdir(), 'isobench-e2e-'))))
    project.write(files)
    return project
  }

  /** A project with one inline bench file and these platforms. */
  static of(benches: string, kinds: readonly string[] = ['native', 'runc']): Project {
    return Project.with({ 'isobench.config.ts': config(...kinds), 'benches/it.bench.ts': benches })
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true })
      writeFileSync(this.path(name), text)
    }
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** Starts the command line without waiting for its end. */
  start(args: readonly string[], { timeout = 150, env = {}, cwd = '.', wrapper = [] }: CliOptions = {}): Running {
    const [file, ...rest] = [...wrapper, process.execPath, bin, ...args]
    const child = execa(file!, rest, {
      cwd: this.path(cwd),
      env: {
        ...env,
        FORCE_COLOR: undefined,
        VITEST: undefined,
        NODE_OPTIONS: undefined,
        GITHUB_ACTIONS: undefined,
        // Of `nohup npm test`.
        _: undefined,
      },
      reject: false,
      all: true,
      stdin: 'ignore',
      timeout: timeout * 1000,
      // After the time limit nothing may be left, and SIGTERM lets it clean up.
      forceKillAfterDelay: 20_000,
    })
    const running = new Running(child as unknown as Running['child'])
    this.#started.push(running)
    return running
  }

  isobench(args: readonly string[], options: CliOptions = {}): Promise<Outcome> {
    return this.start(args, options).end()
  }

  /** Runs `isobench run --wait-for-lock`. Returns the JSON report, checked against the public schema. */
  async run(
    args: readonly string[] = [],
    options: CliOptions = {},
  ): Promise<Outcome & { readonly report: Report; readonly record: RunRecord }> {
    const file = this.path('report.json')
    rmSync(file, { force: true })
    const quick = [
      '--seconds',
      '0.2',
      ...(options.remeasure ? [] : ['--no-remeasure']),
      '--reporter',
      'default',
      '--reporter',
      `json=${file}`,
    ]
    const done = await this.isobench(['run', '--wait-for-lock', ...quick, ...args], options)
    if (!existsSync(file)) throw new Error(`no report (exit code ${done.exitCode}):\n${done.stdout}\n${done.stderr}`)
    const report = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    return { ...done, report, record: readRecord(report.record) }
  }

  /** The run records, oldest first. */
  records(): string[] {
    const folder = this.path('.isobench/runs')
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith('.jsonl'))
          .sort()
          .map((name) => join(folder, name))
      : []
  }

  /** How many samples the latest record has now. */
  samples(): number {
    const last = this.records().at(-1)
    return last === undefined ? 0 : readFileSync(last, 'utf8').split('"type":"sample"').length - 1
  }

  /** Ends processes that a failed test left, so that they do not hold the host's lock. */
  [Symbol.dispose](): void {
    for (const { child } of this.#started)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Expects messages for users: no stack trace, no class name and no rejected promise. */
export function expectNoStack({ stdout, stderr }: Pick<Outcome, 'stdout' | 'stderr'>): void {
  const text = `${stdout}\n${stderr}`
  // Not a frame: the rest of a message of JSON.parse that was wrapped, such as `at position 11`.
  expect(text).not.toMatch(/^\s+at (?!position \d).*:\d+:\d+\)?$/m)
  expect(text).not.toMatch(/node:internal|UnhandledPromise|\[object Object\]|bug in isobench|fault of isobench/)
}
