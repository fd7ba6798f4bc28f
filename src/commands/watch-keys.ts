import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { emitKeypressEvents, type Interface, type Key } from 'node:readline'
import type { Readable } from 'node:stream'
import { watchBaseline } from '../core/watch/watch-baseline.ts'
import { which } from '../host/packages.ts'
import { htmlReporter } from '../reporters/html/reporter.ts'
import { IsobenchError, messageOf } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'
import { baselineWarnings } from './saved-baseline.ts'
import type { Screen } from './watch-screen.ts'
import { clock } from './watch-status.ts'

/** A key as node:readline reads it. */
export interface KeyPress extends Key {
  /** What the key types; undefined for keys such as the arrows. */
  readonly text: string | undefined
}

/** Milliseconds after which a lone escape character is the Esc key and not the start of a sequence. */
const escapeTimeout = 50

/** Calls `onKey` for each key of the input until it is disposed of. Chunks may hold several keys, or part of one. */
export function readKeys(input: Readable, onKey: (key: KeyPress) => void): Disposable {
  // Without an interface, readline waits only 1 ms for the rest of an escape sequence.
  emitKeypressEvents(input, { escapeCodeTimeout: escapeTimeout } as unknown as Interface)
  const listener = (text: string | undefined, key: Key) => onKey({ ...key, text })
  input.on('keypress', listener)
  return { [Symbol.dispose]: () => void input.off('keypress', listener) }
}

/** Does what a key asks for. */
export function handleKey(key: KeyPress, screen: Screen, quit: () => void): void {
  if (key.ctrl && key.name === 'c') {
    quit()
    return
  }
  if (screen.prompt) editPrompt(key, screen)
  else runKey(key, screen, quit)
  screen.soon()
}

function editPrompt({ name, text = '', ctrl, meta }: KeyPress, screen: Screen): void {
  const { prompt } = screen
  if (!prompt) return
  if (name === 'return' || name === 'enter') {
    screen.prompt = undefined
    prompt.done(prompt.text.trim())
  } else if (name === 'escape') screen.prompt = undefined
  else if (name === 'backspace') prompt.text = [...prompt.text].slice(0, -1).join('')
  else if (!ctrl && !meta && text >= ' ') prompt.text += text
}

function runKey({ name, text, ctrl, meta }: KeyPress, screen: Screen, quit: () => void): void {
  if (ctrl || meta) return
  const { watch } = screen
  screen.said = ''
  const ask = (label: string, done: (text: string) => void) => {
    screen.prompt = { label, text: '', done }
  }
  const showFailure = (work: Promise<void>) =>
    void work
      .catch((error: unknown) => {
        screen.said = messageOf(error)
      })
      .then(screen.soon)
  const page = Math.max(1, screen.rows() - 4)
  const actions: Record<string, () => void> = {
    q: quit,
    a: () => watch.again('all'),
    f: () => watch.again('failed'),
    return: () => watch.goOn(),
    enter: () => watch.goOn(),
    c: () => watch.cancel(),
    u: () => watch.acceptMargin(),
    z: () => watch.undoMargin(),
    s: () => watch.toggleBackground(),
    p: () => ask('platform', (platform) => watch.filter({ platform })),
    t: () => ask('bench', (bench) => watch.filter({ bench })),
    b: () => {
      const { isNew, doubts } = watch.saveBaseline()
      const what = isNew ? 'saved' : 'nothing changed since it was saved'
      // The line is cut at the end, so the warnings come first.
      const warnings = baselineWarnings(doubts).map(({ text, fix }) => `warning: ${text} (${fix})`)
      const parts = [what, ...warnings, `compare with it: isobench run --baseline ${watchBaseline}`]
      screen.said = `${clock(watch.now())} ${parts.join('; ')}`
    },
    o: () => showFailure(openHtml(screen)),
    h: () => {
      screen.help = !screen.help
    },
    space: () => screen.scroll(page),
    up: () => screen.scroll(-1),
    down: () => screen.scroll(1),
    pageup: () => screen.scroll(-page),
    pagedown: () => screen.scroll(page),
  }
  // A capital letter has the name of its key, but is not one of the commands.
  const command = name !== undefined && name.length === 1 ? text : (name ?? text)
  try {
    if (command !== undefined && Object.hasOwn(actions, command)) actions[command]!()
    else if (text !== undefined && text >= ' ') screen.said = `"${sanitize(text)}" is no key of watch; h lists them`
  } catch (error) {
    const fix = error instanceof IsobenchError && error.fix ? `: ${error.fix}` : ''
    screen.said = messageOf(error) + fix
  }
}

async function openHtml(screen: Screen): Promise<void> {
  const { report, root } = screen.watch
  if (!report) {
    screen.said = 'there is no result to show yet'
    return
  }
  const file = join(root, '.isobench', 'watch.html')
  const out = { write: () => {}, isTTY: false, columns: 100 }
  await htmlReporter.create({ out, root, color: false, file }).onFinish?.(report)
  screen.said = (await openInBrowser(file)) ? `opened ${file}` : `wrote ${file}`
}

/** @returns whether there was a desktop that opened the file */
async function openInBrowser(file: string): Promise<boolean> {
  const opener = which('xdg-open')
  if (opener === undefined || !(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) return false
  const child = spawn(opener, [file], { detached: true, stdio: 'ignore' })
  child.unref()
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(true))
    child.once('error', () => resolve(false))
  })
}
