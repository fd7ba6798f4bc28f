import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CleanupJournal, type Entry, readJournals, removeJournal } from '../../../src/host/journal.ts'
import { journalsFolder } from '../../../src/host/paths.ts'
import { finished, script, temporary } from './children.ts'

const folder = temporary()
beforeAll(() => vi.stubEnv('ISOBENCH_STATE', folder.path))
afterAll(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

const entry = (name: string): Entry => ({ kind: 'netns', name })
let undone: string[] = []
const undo = async (entry: Entry) => void undone.push('name' in entry ? entry.name : entry.kind)
beforeEach(() => {
  undone = []
})

const left = (journal: CleanupJournal) => readJournals().find(({ file }) => file === journal.file)!.entries

describe('a journal', () => {
  it('has an entry in its file before the thing is made', async () => {
    await using journal = CleanupJournal.start('before', undo)
    let seen: readonly Entry[] = []
    await journal.create(entry('a'), () => {
      seen = left(journal)
    })
    expect(seen).toEqual([entry('a')])
  })

  it('undoes what it made, latest first, and removes itself', async () => {
    const journal = CleanupJournal.start('reverse', undo)
    for (const name of ['a', 'b', 'c']) await journal.create(entry(name), () => {})
    expect(left(journal)).toEqual([entry('c'), entry('b'), entry('a')])
    await journal[Symbol.asyncDispose]()
    expect(undone).toEqual(['c', 'b', 'a'])
    expect(existsSync(journal.file)).toBe(false)
  })

  it('undoes each thing once, however often it is disposed of', async () => {
    const journal = CleanupJournal.start('once', undo)
    const a = await journal.create(entry('a'), () => {})
    await journal.create(entry('b'), () => {})
    await a[Symbol.asyncDispose]()
    await a[Symbol.asyncDispose]()
    expect(left(journal)).toEqual([entry('b')])
    await journal[Symbol.asyncDispose]()
    expect(undone).toEqual(['a', 'b'])
  })

  it('undoes what could not be made whole, and passes the failure on', async () => {
    await using journal = CleanupJournal.start('failing', undo)
    const making = journal.create(entry('half'), async () => {
      throw new Error('it broke half-way')
    })
    await expect(making).rejects.toThrow('it broke half-way')
    expect(undone).toEqual(['half'])
    expect(left(journal)).toEqual([])
  })

  it('keeps what it could not undo', async () => {
    let broken = true
    const journal = CleanupJournal.start('stubborn', async (entry) => {
      if (broken) throw new Error('busy')
      await undo(entry)
    })
    await journal.create(entry('a'), () => {})
    await expect(journal[Symbol.asyncDispose]()).rejects.toThrow('busy')
    expect(left(journal)).toEqual([entry('a')])
    broken = false
    await journal[Symbol.asyncDispose]()
    expect(undone).toEqual(['a'])
    expect(existsSync(journal.file)).toBe(false)
  })

  it('is never written over another of its name', async () => {
    await using journal = CleanupJournal.start('taken', undo)
    const before = readFileSync(journal.file, 'utf8')
    expect(() => CleanupJournal.start('taken', undo)).toThrow(/EEXIST/)
    expect(readFileSync(journal.file, 'utf8')).toBe(before)
  })

  it('is its owner’s while that lives', async () => {
    await using journal = CleanupJournal.start('mine', undo)
    expect(readJournals().find(({ file }) => file === journal.file)!.ownerAlive).toBe(true)
  })

  it('goes on after something that it could not undo', async () => {
    const journal = CleanupJournal.start('goes-on', async (entry) => {
      if ('name' in entry && entry.name === 'b') throw new Error('busy')
      await undo(entry)
    })
    for (const name of ['a', 'b']) await journal.create(entry(name), () => {})
    await journal[Symbol.asyncDispose]().catch(() => {})
    removeJournal({ file: journal.file, ownerAlive: true, entries: [] })
    expect(undone).toEqual(['a'])
  })
})

describe('after a kill', () => {
  it('journals() lists what was made and not undone, what was being made included', async () => {
    const file = await script(
      folder.path,
      'killed',
      `import { CleanupJournal } from './src/host/journal.ts'
       const journal = CleanupJournal.start('killed', async () => {})
       const make = (name: string) => journal.create({ kind: 'netns', name }, () => {})
       await make('a')
       await (await make('b'))[Symbol.asyncDispose]()
       await make('c')
       await journal.create({ kind: 'cgroup', name: 'd' }, () => process.kill(process.pid, 'SIGKILL'))`,
    )
    expect((await finished(file)).signal).toBe('SIGKILL')
    const [found] = readJournals().filter(({ file }) => file.endsWith('/killed.jsonl'))
    expect(found).toMatchObject({
      ownerAlive: false,
      entries: [{ kind: 'cgroup', name: 'd' }, entry('c'), entry('a')],
    })
    removeJournal(found!)
    expect(existsSync(found!.file)).toBe(false)
  })

  it('a last line that was cut off at any byte is left out, and nothing else', async () => {
    await using journal = CleanupJournal.start('cut', undo)
    await journal.create(entry('a'), () => {})
    const line = `${JSON.stringify({ made: 1, entry: entry('b') })}`
    const whole = readFileSync(journal.file, 'utf8')
    for (let length = 0; length < line.length; length++) {
      appendFileSync(journal.file, line.slice(0, length))
      expect(left(journal)).toEqual([entry('a')])
      writeFileSync(journal.file, whole)
    }
  })

  it('a journal with a cut first line has no living owner and no entries', async () => {
    const file = `${journalsFolder()}/headless.jsonl`
    appendFileSync(file, '{"owner":{"pi')
    const found = readJournals().find((one) => one.file === file)!
    expect(found).toEqual({ file, ownerAlive: false, entries: [] })
    removeJournal(found)
  })

  it('there are none where there never was one', () => {
    vi.stubEnv('ISOBENCH_STATE', `${folder.path}/elsewhere`)
    expect(readJournals()).toEqual([])
    vi.stubEnv('ISOBENCH_STATE', folder.path)
    expect(readdirSync(journalsFolder())).toEqual([])
  })
})
