/** The keys of watch mode. */
import { join } from 'node:path'
import { saveBaseline } from '../../core/baseline/store.ts'
import { messageOf } from '../../errors.ts'
import { html } from '../../reporters/html/html.ts'
import type { Screen } from './screen.ts'

export const help = [
  'a  measure everything again          f  what failed or is undecided',
  'r  the latest again                  p  filter by platform   t  filter by bench',
  's  stop, or let go on, the rounds in the background',
  'b  keep this as the baseline "watch" o  write the html report',
  '↑ ↓ space  scroll                    h  this help            q  quit',
]

/** Does what a key asks for. */
export function press(key: string, screen: Screen, quit: () => void): void {
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
