import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { resolveProfile } from '../core/project/plan.ts'
import { saveBaseline } from '../core/records/baseline.ts'
import { ensureDependencies } from '../core/session/artifacts.ts'
import { Watch } from '../core/watch/watch.ts'
import { findImage } from '../host/image.ts'
import { which } from '../host/packages.ts'
import { drivers } from '../platforms/index.ts'
import { htmlReporter } from '../reporters/html/reporter.ts'
import { count, countsLine } from '../reporters/summary.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions } from './options.ts'
import { confirm } from './setup.ts'
import { Screen } from './watch-screen.ts'

/** The keys of watch mode. */

/** Does what a key asks for. */
export function handleKey(key: string, screen: Screen, quit: () => void): void {
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
    o: () => told(openHtml(screen)),
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

async function openHtml(screen: Screen): Promise<void> {
  const { report, root } = screen.watch
  if (!report) {
    screen.said = 'there is nothing to show yet'
    return
  }
  const file = join(root, '.isobench', 'watch.html')
  const out = { write: () => {}, isTTY: false, columns: 100 }
  await htmlReporter.create({ out, root, color: false, file }).onFinish?.(report)
  screen.said = (await isOpened(file)) ? `opened ${file}` : `wrote ${file}`
}

/** Whether the desktop took it: on a machine without one there is nothing to open a page with. */
async function isOpened(file: string): Promise<boolean> {
  const opener = which('xdg-open')
  if (opener === undefined || !(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) return false
  const child = spawn(opener, [file], { detached: true, stdio: 'ignore' })
  child.unref()
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(true))
    child.once('error', () => resolve(false))
  })
}

export const command = defineCommand({
  description:
    'Measures and judges again when a file changes, but only the benches and platforms that the change affects. ' +
    'Requires a terminal.',
  arguments: [benchFilters],
  options: pickOptions(
    'platform',
    'name',
    'tag',
    'profile',
    'rounds',
    'seconds',
    'timeout',
    'install',
    'waitForLock',
    'config',
  ),
  examples: [{ line: 'watch startup --platform runc', description: 'the start-up benches on one platform' }],
  run: watchProject,
})

async function watchProject(filters: readonly string[], options: Options, io: CommandIo): Promise<number> {
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
    wait: options.waitForLock,
    profileName: options.profile,
    profileOf: (project) => resolveProfile(project, options),
    equip: async ({ project, platforms }, signal) => {
      // It may ask, and apt may take its time: on the usual screen.
      leave()
      try {
        const tell = (what: string) => void io.err.write(`${what}\n`)
        await ensureDependencies({
          install: options.install,
          needsImage: !findImage(project.image),
          platforms,
          confirm: (question) => confirm(question, io),
          onProgress: tell,
          signal,
        })
      } finally {
        enter()
      }
    },
    shown: () => screen.soon(),
  })
  screen.watch = watch
  let asked = 0
  const quit = () => {
    // Whoever insists is let go; what is left is in the journal.
    if (++asked > 1) process.exit(130)
    watch.quit()
  }
  const heard = (data: Buffer) => {
    const text = data.toString()
    for (const key of text.startsWith('\x1b') ? [text] : text) handleKey(key, screen, quit)
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
