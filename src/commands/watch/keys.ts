/** The keys of watch mode. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { saveBaseline } from '../../core/baseline/store.ts'
import { messageOf } from '../../errors.ts'
import { which } from '../../guest/requirements.ts'
import { html } from '../../reporters/html/html.ts'
import type { Screen } from './screen.ts'

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
  await html.create({ out, root, color: false, file }).onFinish?.(report)
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
