/** Latency of watch mode: from a save to the new verdict on the screen, and to the first command in a warm guest. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../../src/core/stats/index.ts'
import { journalsFolder } from '../../src/host/paths.ts'
import { countOption, type Measurement } from './measurement.ts'

const config = `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [platform('native'), platform('runc')],
  profiles: { quick: { warmup: 0 } },
})
`

/** A bench that writes the start of its command to a file on the host. Its values come from the guest. */
const benchFile = (value: number, most: number, started: string) => `import { appendFileSync } from 'node:fs'
import { bench, expect, lower, workload } from 'isobench'
import { command } from 'isobench/tools'
const work = workload('it', {
  metrics: { time: lower('ms') },
  async run({ guest }) {
    appendFileSync(${JSON.stringify(started)}, \`\${performance.timeOrigin + performance.now()} ${value}\\n\`)
    return { time: Number((await guest.exec(command('echo', '${value}'))).stdout) }
  },
})
export const it = bench('it', work, { expect: { time: expect.atMost('${most}ms') } })
`

const now = () => performance.timeOrigin + performance.now()

/** A terminal that runs `isobench watch`. `script` creates the pty. */
class Terminal {
  #text = ''
  readonly child: ChildProcess
  #onText: () => void = () => {}

  constructor(root: string, folder: string) {
    const command = `stty cols 100 rows 40; NO_COLOR=1 exec node ${join(root, 'bin/isobench.js')} watch --wait-for-lock`
    this.child = spawn('script', ['-qfc', command, '/dev/null'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdout!.on('data', (data: Buffer) => {
      this.#text += data.toString()
      this.#onText()
    })
  }

  get text(): string {
    return this.#text
  }

  forget(): void {
    this.#text = ''
  }

  /** Waits until the text matches, and returns the time in milliseconds. */
  async until(wanted: RegExp, seconds = 60): Promise<number> {
    const end = now() + seconds * 1000
    while (!wanted.test(this.#text)) {
      if (now() > end) throw new Error(`${wanted} did not appear:\n${this.#text.slice(-3000)}`)
      await Promise.race([new Promise<void>((resolve) => (this.#onText = resolve)), sleep(200)])
    }
    return now()
  }

  key(key: string): void {
    this.child.stdin!.write(key)
  }
}

/** The pid of isobench, which is a descendant of `script`. */
export function watcherOf({ pid }: Pick<ChildProcess, 'pid'>): number {
  const below = (parent: number): number[] =>
    readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  const all = (parent: number): number[] => below(parent).flatMap((child) => [child, ...all(child)])
  const found = all(pid!).find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('isobench.js'))
  if (!found) throw new Error('isobench watch is not running')
  return found
}

/** Resources of a process of `isobench watch`. */
export interface Holdings {
  readonly processes: number
  readonly files: number
  readonly watchers: number
  readonly namespaces: number
  readonly megabytes: number
}

export function holdings(pid: number): Holdings {
  const below = (parent: number): number => {
    try {
      const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean)
      return children.length + children.reduce((sum, child) => sum + below(Number(child)), 0)
    } catch {
      return 0
    }
  }
  const watchers = readdirSync(`/proc/${pid}/fdinfo`).reduce((sum, name) => {
    try {
      return sum + (readFileSync(`/proc/${pid}/fdinfo/${name}`, 'utf8').match(/^inotify /gm)?.length ?? 0)
    } catch {
      return sum
    }
  }, 0)
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!
  // Other processes have namespaces too. The journal of this one has the prefix of its names.
  const journal = readdirSync(journalsFolder()).find((name) =>
    readFileSync(join(journalsFolder(), name), 'utf8').startsWith(`{"owner":{"pid":${pid},`),
  )
  const prefix = journal?.replace(/\.jsonl$/, '') ?? 'no journal'
  const ours = readdirSync('/run/netns').filter((name) => name.startsWith(prefix)).length
  return {
    processes: below(pid),
    files: readdirSync(`/proc/${pid}/fd`).length,
    watchers,
    namespaces: ours,
    megabytes: Math.round(Number(rss) / 1024),
  }
}

const formatHoldings = ({ processes, files, watchers, namespaces, megabytes }: Holdings) =>
  `${processes} processes, ${files} descriptors, ${watchers} watches, ${namespaces} namespaces, ${megabytes} MiB`

async function measureWatch(root: string, edits: number, print: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
  const started = join(folder, 'started')
  const file = join(folder, 'benches', 'it.bench.ts')
  mkdirSync(join(folder, 'benches'))
  writeFileSync(join(folder, 'isobench.config.ts'), config)
  writeFileSync(file, benchFile(10, 20, started))
  const terminal = new Terminal(root, folder)
  let [value, most] = [10, 20]
  try {
    await terminal.until(/2 hold[\s\S]*waiting for changes/)
    const threshold = async () => {
      // Alternately below and above the value, so that every save changes a verdict.
      most = most > value ? value - 1 : value + 10
      await sleep(200)
      terminal.forget()
      const saved = now()
      writeFileSync(file, benchFile(value, most, started))
      return (await terminal.until(most < value ? /0 hold\D+2 contradicted/ : /2 hold\D+0 contradicted/)) - saved
    }
    const bench = async (wait = true) => {
      value = value === 10 ? 12 : value + 1
      most = value + 10
      await sleep(wait ? 1500 : 100)
      rmSync(started, { force: true })
      terminal.forget()
      const saved = now()
      writeFileSync(file, benchFile(value, most, started))
      const line = await (async () => {
        for (const end = now() + 30_000; now() < end; await sleep(5)) {
          const lines = existsSync(started) ? readFileSync(started, 'utf8').split('\n') : []
          const first = lines.find((text) => text.endsWith(` ${value}`))
          if (first) return first
        }
        throw new Error(`no command started within 30 s:\n${terminal.text.slice(-3000)}`)
      })()
      await terminal.until(new RegExp(`native +${value} ms +5[\\s\\S]*waiting for changes`))
      return Number(line.split(' ')[0]) - saved
    }
    const thresholds: number[] = []
    for (let n = 0; n < 20; n++) thresholds.push(await threshold())
    const benches: number[] = []
    for (let n = 0; n < 10; n++) benches.push(await bench())
    const spread = (all: number[]) =>
      `median ${Math.round(median(all))} ms, from ${Math.round(Math.min(...all))} to ${Math.round(Math.max(...all))}`
    print(
      `watch: saved threshold → verdict on screen: ${spread(thresholds)} (${thresholds.length} saves, goal: 150 ms)`,
    )
    print(
      `watch: saved bench → first command in a warm guest: ${spread(benches)} ` +
        `(${benches.length} saves, goal: 300 ms)`,
    )
    await sleep(2000)
    const pid = watcherOf(terminal.child)
    const before = holdings(pid)
    for (let n = 0; n < edits; n++) await (n % 4 === 0 ? bench(false) : threshold())
    await sleep(3000)
    const after = holdings(pid)
    print(`watch: before ${edits} edits: ${formatHoldings(before)}`)
    print(`watch: after: ${formatHoldings(after)} (goal: the same, memory within 20 %)`)
  } finally {
    // By its key: `script` ends its shell with SIGKILL, which would leave guests.
    const ended = new Promise((resolve) => terminal.child.once('exit', resolve))
    terminal.key('q')
    await Promise.race([ended, sleep(30_000)])
    terminal.child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const watch: Measurement = {
  description: 'latency and memory of watch mode',
  options: { edits: 'edits between the two readings of memory; 200' },
  run: ({ root, options, print }) => measureWatch(root, countOption(options.edits, 200), print),
}
