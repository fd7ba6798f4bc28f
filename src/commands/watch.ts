import { join } from 'node:path'
import { saveBaseline } from '../core/baseline/store.ts'
import type { MetricResult, Report } from '../core/report/schema.ts'
import { figureChanges, flips } from '../core/watch/changes.ts'
import { Watch } from '../core/watch/watch.ts'
import { messageOf, UsageError } from '../errors.ts'
import { findImage } from '../guest/image/image.ts'
import { drivers } from '../platforms/index.ts'
import { amount, ratios } from '../reporters/amount.ts'
import { benchName, count, countsLine, marks } from '../reporters/facts.ts'
import { html } from '../reporters/html/html.ts'
import { benchLines } from '../reporters/terminal/benches.ts'
import { claimLines, type View } from '../reporters/terminal/claims.ts'
import { viewOf } from '../reporters/terminal/default.ts'
import { findingLines } from '../reporters/terminal/findings.ts'
import { paintOf } from '../reporters/terminal/ink.ts'
import { problemLines } from '../reporters/terminal/summary.ts'
import { type Cell, table } from '../reporters/terminal/table.ts'
import { cut, plain, plural, wrap } from '../reporters/text.ts'
import type { Io, Run } from './command.ts'
import { equip } from './equip.ts'
import { checkOptions } from './options.ts'
import { profileOf } from './run.ts'

const help = [
  'a  measure everything again          f  what failed or is undecided',
  'r  the latest again                  p  filter by platform   t  filter by bench',
  's  stop, or let go on, the rounds in the background',
  'b  keep this as the baseline "watch" o  write the html report',
  '↑ ↓ space  scroll                    h  this help            q  quit',
]

/** Milliseconds between two paintings at least. */
const least = 40

/** What is on the screen: what changed on top, then the tables; the status is the last line. */
class Screen {
  #cached: { readonly key: readonly unknown[]; readonly lines: string[] } = { key: [], lines: [] }
  #offset = 0
  #paintedAt = 0
  #timer: NodeJS.Timeout | undefined
  #open = false
  help = false
  said = ''
  prompt: { readonly label: string; text: string; done(text: string): void } | undefined
  watch!: Watch

  constructor(
    private readonly io: Io,
    private readonly cwd: string,
  ) {}

  open(): void {
    this.#open = true
    this.io.out.write('\x1b[?1049h\x1b[?25l')
    this.io.out.on('resize', this.soon)
  }

  close(): void {
    this.#open = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.io.out.off('resize', this.soon)
    this.io.out.write('\x1b[?25h\x1b[?1049l')
  }

  rows(): number {
    return this.io.out.rows ?? 24
  }

  scroll(by: number): void {
    this.#offset = Math.max(0, this.#offset + by)
    this.soon()
  }

  readonly soon = (): void => {
    if (this.#timer || !this.#open) return
    const wait = least - (performance.now() - this.#paintedAt)
    if (wait <= 0) this.#paint()
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#paint()
      }, wait)
  }

  #paint(): void {
    this.#paintedAt = performance.now()
    const { rows = 24, columns = 80 } = this.io.out
    const room = Math.max(3, rows - 2 - (this.help ? help.length : 0))
    const all = this.#lines()
    this.#offset = Math.min(this.#offset, Math.max(0, all.length - room))
    const shown = all.slice(this.#offset, this.#offset + room)
    const below = all.length - this.#offset - shown.length
    const lines = [
      ...shown,
      ...Array.from({ length: room - shown.length }, () => ''),
      ...(this.help ? help : []),
      below > 0 ? `… ${plural(below, 'more line')}; space scrolls` : '',
      cut(this.#status(), columns - 1),
    ]
    this.io.out.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
  }

  #status(): string {
    const { doing } = this.watch
    if (this.prompt) return `${this.prompt.label}: ${this.prompt.text}▏ (Enter takes it, empty is all, Esc leaves it)`
    if (doing.kind === 'preparing') return `${plain(doing.what)} …`
    const keys = 'h help · q quit'
    if (doing.kind === 'watching')
      return ['waiting for changes', ...(this.said ? [plain(this.said)] : []), keys].join(' · ')
    const { round, rounds, done, steps, platform, bench, background } = doing
    const what = background ? 'one more round' : round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`
    const stop = background ? ['s stops'] : []
    return [what, `${done}/${steps}`, ...stop, keys, plain(platform, 20), benchName(bench)].join(' · ')
  }

  #lines(): string[] {
    const { report, before, problems, note, only, background } = this.watch
    const key = [report, before, problems, note, only, background, this.io.out.columns]
    if (key.every((part, at) => part === this.#cached.key[at]) && this.#cached.key.length > 0) return this.#cached.lines
    const view = viewOf({
      out: { write: () => {}, isTTY: true, columns: (this.io.out.columns || 80) - 1 },
      root: this.cwd,
      color: this.io.color,
    })
    const lines = [
      ...headLines(this.watch, view),
      ...problemLines(problems, view),
      ...(report && before ? changeLines(before, report, view) : []),
      ...(report
        ? [
            ...benchLines(report, view.width, view.ink),
            ...claimLines(report, view),
            ...findingLines(report, view),
            '',
            view.ink.strong(countsLine(count(report.claims))),
          ]
        : []),
    ]
    this.#cached = { key, lines }
    return lines
  }
}

function headLines({ note, only, background }: Watch, { ink, width }: View): string[] {
  const filters = [
    ...(only.platform ? [`platforms with "${plain(only.platform, 30)}"`] : []),
    ...(only.bench ? [`benches with "${plain(only.bench, 30)}"`] : []),
    ...(background ? [] : ['no rounds in the background']),
  ]
  const head = ['isobench watch', ...filters].join(' · ')
  return [ink.strong(cut(head, width)), ...(note ? wrap(plain(note), width) : [])]
}

/** A figure with how sure it is: the ratio to native where there is one. */
function figureOf({ median, unit, vsNative }: MetricResult): string {
  if (!vsNative) return median === null ? 'none' : amount(median, unit)
  const [{ ratio, interval } = { ratio: '', interval: '' }] = ratios([vsNative])
  return `${ratio}× ${interval}`.trim()
}

function changeLines(before: Report, after: Report, { ink, width }: View): string[] {
  const flipped = flips(before, after)
  const figures = figureChanges(before, after)
  const rows = figures.map(({ point, platform, metric, before: old, after: now }): Cell[] => [
    { text: benchName(point) },
    { text: plain(platform, 40) },
    { text: plain(metric, 40) },
    { text: old ? figureOf(old) : 'new', paint: ink.dim },
    { text: '→' },
    { text: figureOf(now) },
  ])
  return [
    ...(flipped.length + rows.length > 0 ? ['', ink.strong('Before → after')] : []),
    ...flipped.flatMap(({ before: old, after: now }) => {
      const told = (one: typeof now) =>
        `${marks[one.verdict]} ${one.verdict}${one.direction ? ` (${one.direction})` : ''}`
      const text = `${told(old)} → ${told(now)}: ${benchName(now.bench)} · ${plain(now.platform, 40)} · ${plain(now.metric, 40)} · ${plain(now.matcher)}`
      return wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${paintOf(now, ink)(line)}`)
    }),
    ...(rows.length > 0
      ? table(
          [
            { title: '', least: 8 },
            { title: 'platform', least: 8 },
            { title: 'metric', least: 6 },
            { title: 'before', align: 'right' },
            { title: '' },
            { title: 'after' },
          ],
          rows,
          width - 2,
          ink,
        ).map((line) => `  ${line}`)
      : []),
  ]
}

/** Does what a key asks for. */
function press(key: string, screen: Screen, quit: () => void): void {
  const { watch, prompt } = screen
  if (key === '\x03') {
    quit()
    return
  }
  if (prompt) {
    if (key === '\r' || key === '\n' || key === '\x1b') {
      screen.prompt = undefined
      if (key !== '\x1b') prompt.done(prompt.text.trim())
    } else if (key === '\x7f' || key === '\b') prompt.text = prompt.text.slice(0, -1)
    else if (key >= ' ') prompt.text += key
    screen.soon()
    return
  }
  screen.said = ''
  const ask = (label: string, done: (text: string) => void) => {
    screen.prompt = { label, text: '', done }
  }
  const told = (work: Promise<void>) =>
    void work
      .catch((error: unknown) => {
        screen.said = messageOf(error)
      })
      .then(screen.soon)
  const page = Math.max(1, screen.rows() - 4)
  const keys: Record<string, () => void> = {
    q: quit,
    a: () => watch.again('all'),
    f: () => watch.again('failed'),
    r: () => watch.again('latest'),
    s: () => watch.toggleBackground(),
    p: () => ask('platform', (platform) => told(watch.filter({ platform }))),
    t: () => ask('bench', (bench) => told(watch.filter({ bench }))),
    b: () => {
      saveBaseline(watch.root, 'watch', watch.writeRecord())
      screen.said = 'kept: isobench run --baseline watch'
    },
    o: () => told(writeHtml(screen)),
    h: () => {
      screen.help = !screen.help
    },
    ' ': () => screen.scroll(page),
    '\x1b[A': () => screen.scroll(-1),
    '\x1b[B': () => screen.scroll(1),
    '\x1b[5~': () => screen.scroll(-page),
    '\x1b[6~': () => screen.scroll(page),
  }
  try {
    if (Object.hasOwn(keys, key)) keys[key]!()
  } catch (error) {
    screen.said = messageOf(error)
  }
  screen.soon()
}

async function writeHtml(screen: Screen): Promise<void> {
  const { report, root } = screen.watch
  if (!report) return
  const file = join(root, '.isobench', 'watch.html')
  const out = { write: () => {}, isTTY: false, columns: 100 }
  await html.create({ out, root, color: false, file }).finished?.(report)
  screen.said = `wrote ${file}`
  screen.soon()
}

export const run: Run = async (filters, given, io) => {
  const options = checkOptions(given)
  const input = process.stdin
  if (!io.out.isTTY || !input.isTTY)
    throw new UsageError('watch needs a terminal, for its keys and its screen', 'use isobench run where there is none')
  const screen = new Screen(io, io.cwd)
  const watch = new Watch({
    cwd: io.cwd,
    config: options.config,
    drivers,
    filters,
    platform: options.platform,
    name: options.name ?? [],
    tag: options.tag ?? [],
    wait: options.wait,
    profileName: options.profile,
    profileOf: (project) => profileOf(project, options),
    equip: async ({ project, platforms }, signal) => {
      // It may ask, and apt may take its time: on the usual screen.
      leave()
      try {
        const tell = (what: string) => void io.err.write(`${what}\n`)
        await equip({ install: options.install, needsImage: !findImage(project.image), platforms, tell, signal }, io)
      } finally {
        enter()
      }
    },
    shown: () => screen.soon(),
  })
  screen.watch = watch
  let asked = 0
  const quit = () => {
    // Whoever insists is let go; what is left is in the ledger.
    if (++asked > 1) process.exit(130)
    watch.quit()
  }
  const heard = (data: Buffer) => {
    const text = data.toString()
    for (const key of text.startsWith('\x1b') ? [text] : text) press(key, screen, quit)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const end = () => watch.quit()
  for (const name of signals) process.on(name, end)
  const enter = () => {
    input.setRawMode(true)
    input.on('data', heard)
    input.resume()
    screen.open()
    screen.soon()
  }
  const leave = () => {
    screen.close()
    input.off('data', heard)
    input.setRawMode(false)
    input.pause()
  }
  enter()
  try {
    await watch.run()
  } finally {
    leave()
    for (const name of signals) process.off(name, end)
  }
  if (watch.report) io.out.write(`${countsLine(count(watch.report.claims))}\n`)
  return 0
}
