import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { handleKey, type KeyPress, readKeys } from '../../../src/commands/watch-keys.ts'
import type { Screen } from '../../../src/commands/watch-screen.ts'
import { clock } from '../../../src/commands/watch-status.ts'
import type { BaselineDoubts } from '../../../src/core/records/baseline-doubts.ts'
import { MarginError } from '../../../src/core/watch/accept-margin.ts'
import type { StoredBaseline } from '../../../src/core/watch/watch-baseline.ts'

/** Chunks come from the same turn of the event loop, so that no timeout depends on the load of the host. */
const typeInto =
  (input: PassThrough) =>
  (...chunks: string[]) => {
    for (const chunk of chunks) input.emit('data', Buffer.from(chunk))
  }

function keyboard() {
  const input = new PassThrough()
  const pressed: KeyPress[] = []
  const keys = readKeys(input, (key) => pressed.push(key))
  const names = () => pressed.map(({ name, text, ctrl }) => `${ctrl ? 'ctrl-' : ''}${name ?? text}`)
  return { type: typeInto(input), keys, input, names }
}

describe('readKeys', () => {
  it.each([
    ['two arrow keys in one chunk', ['\x1b[A\x1b[B'], ['up', 'down']],
    ['letters and sequences in one chunk', ['a\x1b[5~ q\x1b[6~'], ['a', 'pageup', 'space', 'q', 'pagedown']],
    ['a sequence split after the escape character', ['\x1b', '[A'], ['up']],
    ['a sequence split in the middle', ['\x1b[', '6', '~x'], ['pagedown', 'x']],
    ['arrow keys in application mode', ['\x1bOA\x1bOB'], ['up', 'down']],
    ['ctrl-c among other keys', ['a\x03b'], ['a', 'ctrl-c', 'b']],
    ['Enter and backspace', ['x\x7f\r'], ['x', 'backspace', 'return']],
    ['characters of several bytes', ['漢é'], ['漢', 'é']],
  ])('reads %s', (_, chunks, expected) => {
    const { type, names } = keyboard()
    type(...chunks)
    expect(names()).toEqual(expected)
  })

  it('reads a lone escape character as the Esc key', async () => {
    const { type, names } = keyboard()
    type('\x1b')
    expect(names()).toEqual([])
    await vi.waitFor(() => expect(names()).toEqual(['escape']))
  })

  it('stops when it is disposed of, and can start again', () => {
    const { type, keys, input, names } = keyboard()
    keys[Symbol.dispose]()
    type('a')
    expect(names()).toEqual([])
    const again: KeyPress[] = []
    readKeys(input, (key) => again.push(key))
    type('b')
    expect(again.map(({ text }) => text)).toEqual(['b'])
  })
})

describe('handleKey', () => {
  const none: BaselineDoubts = { overloaded: { overloaded: 0, of: 2 }, few: [], results: 3 }

  /** A screen that records what is asked of it and of its watch. */
  function setUp() {
    const done: string[] = []
    const watch = {
      again: (what: string) => void done.push(`again ${what}`),
      goOn: () => void done.push('go on'),
      cancel: () => void done.push('cancel'),
      acceptMargin: () => {
        throw new MarginError('no claim in view is contradicted', 'leave one in view')
      },
      undoMargin: () => void done.push('undo'),
      toggleBackground: () => void done.push('background'),
      filter: (filter: object) => void done.push(`filter ${JSON.stringify(filter)}`),
      report: undefined,
      root: '/nowhere',
      now: () => 0,
      saveBaseline: (): StoredBaseline => {
        throw new Error('no record yet')
      },
    }
    const screen = {
      watch,
      help: false,
      said: '',
      prompt: undefined as Screen['prompt'],
      rows: () => 24,
      scroll: (by: number) => void done.push(`scroll ${by}`),
      soon: () => {},
    }
    const quit = () => void done.push('quit')
    const input = new PassThrough()
    readKeys(input, (key) => handleKey(key, screen as unknown as Screen, quit))
    return { screen, watch, done, type: typeInto(input) }
  }

  it('runs every command of one chunk', () => {
    const { done, type } = setUp()
    type('af\rczs\x1b[A\x1b[B \x1b[5~q')
    expect(done).toEqual([
      'again all',
      'again failed',
      'go on',
      'cancel',
      'undo',
      'background',
      'scroll -1',
      'scroll 1',
      'scroll 20',
      'scroll -20',
      'quit',
    ])
  })

  it('ignores capital letters, control and meta keys', () => {
    const { done, type } = setUp()
    type('A\x01\x1ba')
    expect(done).toEqual([])
  })

  it.each(['x', 'A', '9', '漢'])('says that %s is no key', (text) => {
    const { screen, type } = setUp()
    type(text)
    expect(screen.said).toBe(`"${text}" is no key of watch; h lists them`)
    type('s')
    expect(screen.said).toBe('')
  })

  it('says nothing about keys without a character', () => {
    const { screen, type } = setUp()
    type('\x1b[15~\x1b[C')
    expect(screen.said).toBe('')
  })

  it('edits the prompt, where letters are text', () => {
    const { screen, done, type } = setUp()
    type('pqru\x7fnc')
    expect(screen.prompt).toMatchObject({ label: 'platform', text: 'qrnc' })
    type('\x7f\x7f\x7f\x7frunc\r')
    expect(screen.prompt).toBeUndefined()
    expect(done).toEqual(['filter {"platform":"runc"}'])
  })

  it('quits at ctrl-c, also in a prompt', () => {
    const { done, type } = setUp()
    type('t\x03')
    expect(done).toEqual(['quit'])
  })

  it('shows why a command failed', async () => {
    const { screen, watch, type } = setUp()
    type('u')
    expect(screen.said).toBe('no claim in view is contradicted: leave one in view')
    type('b')
    expect(screen.said).toBe('no record yet')
    for (const isNew of [true, false]) {
      watch.saveBaseline = () => ({ isNew, doubts: none })
      type('b')
      const what = isNew ? 'saved' : 'nothing changed since it was saved'
      const answer = `${clock(0)} ${what}; compare with it: isobench run --baseline watch`
      expect(screen.said).toBe(answer)
    }
    watch.saveBaseline = () => ({ isNew: true, doubts: { ...none, overloaded: { overloaded: 2, of: 2 } } })
    type('b')
    expect(screen.said).toBe(
      `${clock(0)} saved; warning: other processes had most of the CPUs for 2 of its 2 results, so no regression of ` +
        'them can be found (stop the other processes, and measure again); ' +
        'compare with it: isobench run --baseline watch',
    )
    type('o')
    await nextTurn()
    expect(screen.said).toBe('there is no result to show yet')
    type('h')
    expect([screen.said, screen.help]).toEqual(['', true])
  })
})
