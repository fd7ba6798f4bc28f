import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mounts, mountsBelow } from '../../../src/host/mounts.ts'

/** How a command line has ended. */
export interface CommandOutcome {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])

const bench = `import { bench, lower, workload } from 'isobench'
import { command } from 'isobench/tools'
const metrics = { time: lower('ms') }
const time = async (timed: Promise<{ milliseconds: number }>) => ({ time: (await timed).milliseconds })
bench('commands', workload('commands', { metrics, run: ({ guest }) => time(guest.exec(command('sleep', '0.1'))) }))
bench('boots', workload.boot('boots', { metrics, run: ({ boot }) => time(boot(command('true'))) }))
`

/** A project with its own state folder, in which the campaign runs isobench and counts what it leaves. */
export class CampaignProject implements Disposable {
  readonly root: string
  readonly state: string
  readonly samplesFile: string
  /** The first part of the names of all objects that its runs have created. */
  readonly #prefixes = new Set<string>()

  /**
   * @param checkout of isobench
   * @param platforms of the config of the checkout
   */
  constructor(
    private readonly checkout: string,
    private readonly platforms: string,
  ) {
    // Not in /tmp, because unprivileged engines need access to the state folder.
    this.root = mkdtempSync('/var/tmp/isobench-campaign-')
    chmodSync(this.root, 0o755)
    this.state = join(this.root, 'state')
    this.samplesFile = join(this.root, 'samples')
    mkdirSync(this.state, { mode: 0o755 })
    writeFileSync(this.samplesFile, '')
    mkdirSync(join(this.root, 'project/benches'), { recursive: true })
    const config = readFileSync(join(checkout, 'isobench.config.ts'), 'utf8')
    writeFileSync(join(this.root, 'project/isobench.config.ts'), config)
    writeFileSync(join(this.root, 'project/benches/one.bench.ts'), bench)
    const counter = `import { appendFileSync } from 'node:fs'
const onSample = () => appendFileSync(${JSON.stringify(this.samplesFile)}, '.')
export default { name: 'counter', description: '', create: () => ({ onSample }) }
`
    writeFileSync(join(this.root, 'project/counter.ts'), counter)
  }

  get project(): string {
    return join(this.root, 'project')
  }

  /**
   * Runs a command line.
   * @param killAfter seconds after the run has taken the host; undefined: it is not killed
   */
  async isobench(args: readonly string[], killAfter?: number, cwd = this.project): Promise<CommandOutcome> {
    const child = spawn(process.execPath, [join(this.checkout, 'bin/isobench.js'), ...args], {
      cwd,
      env: { ...process.env, ISOBENCH_STATE: this.state, FORCE_COLOR: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const exit = once(child, 'close')
    let isOver = false
    void exit.then(() => {
      isOver = true
    })
    const before = new Set(list(join(this.state, 'journals')))
    let startedAt: number | undefined
    while (!isOver) {
      // Each journal has the name of its run, and is gone after a run that has removed everything.
      for (const name of list(join(this.state, 'journals'))) {
        if (name.endsWith('.jsonl')) this.#prefixes.add(name.slice(0, -'.jsonl'.length))
        if (!before.has(name)) startedAt ??= performance.now()
      }
      const isDue =
        killAfter !== undefined && startedAt !== undefined && performance.now() - startedAt > killAfter * 1000
      if (isDue) child.kill('SIGKILL')
      await Promise.race([exit, sleep(10)])
    }
    return { status: child.exitCode, signal: child.signalCode, stderr }
  }

  run(args: readonly string[], killAfter?: number, cwd?: string): Promise<CommandOutcome> {
    const always = ['run', '--wait-for-lock', '--no-remeasure', '--platform', this.platforms, '--seconds', '0.1']
    return this.isobench([...always, ...args], killAfter, cwd)
  }

  /**
   * Everything of its runs on the host: cgroups, mounts, network namespaces, directories and journals. A cgroup stays
   * while it has processes.
   */
  leftovers(): string[] {
    const isOurs = (name: string) => [...this.#prefixes].some((prefix) => name.startsWith(prefix))
    const groups = mounts()
      .filter(({ path }) => path.startsWith('/sys/fs/cgroup'))
      .flatMap(({ path }) =>
        list(join(path, 'isobench'))
          .filter(isOurs)
          .map((name) => `cgroup ${path}/isobench/${name}`),
      )
    return [
      ...groups,
      // The campaign may have mounted a small disk as the state folder.
      ...mountsBelow(this.state)
        .filter((path) => path !== this.state)
        .map((path) => `mount ${path}`),
      ...list('/run/netns')
        .filter(isOurs)
        .map((name) => `netns ${name}`),
      ...list(join(this.state, 'guests')).map((name) => `directory ${name}`),
      ...list(join(this.state, 'journals')).map((name) => `journal ${name}`),
    ]
  }

  /** Samples that reporters were given since the last call. */
  takeSampleCount(): number {
    const count = readFileSync(this.samplesFile, 'utf8').length
    writeFileSync(this.samplesFile, '')
    return count
  }

  /** The latest record, if there is one. */
  latestRecord(): string | undefined {
    const folder = join(this.project, '.isobench/runs')
    const last = list(folder).sort().at(-1)
    return last === undefined ? undefined : join(folder, last)
  }

  [Symbol.dispose](): void {
    if (this.leftovers().length === 0) rmSync(this.root, { recursive: true, force: true })
  }
}
