import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type CleanupError,
  CleanupJournal,
  type Entry,
  openJournals,
  removeJournal,
} from '../../../src/host/journal.ts'
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

/** What `isobench clean` finds. A journal is locked only while it is looked at. */
const readJournals = () => [...openJournals()]
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

  it('creates nothing more when it is disposed of, and waits for what is being created', async () => {
    const journal = CleanupJournal.start('ending', undo)
    let finish = () => {}
    const making = journal.create(entry('slow'), () => new Promise<void>((resolve) => (finish = resolve)))
    const ending = journal[Symbol.asyncDispose]()
    const late = vi.fn()
    await expect(journal.create(entry('late'), late)).rejects.toThrow('isobench ends, and creates nothing more')
    expect(late).not.toHaveBeenCalled()
    expect(undone).toEqual([])
    finish()
    await making
    await ending
    expect(undone).toEqual(['slow'])
    expect(existsSync(journal.file)).toBe(false)
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

  it('reports a command that fails once, with its place, and keeps it for `isobench clean`', async () => {
    const errors: CleanupError[] = []
    const fails = vi.fn(async ({ kind }: Entry) => {
      if (kind === 'command') throw new Error('exit 1')
    })
    const journal = CleanupJournal.start('commands', fails, (error) => errors.push(error))
    const command: Entry = { kind: 'command', description: 'a pod', argv: ['false'] }
    const a = await journal.create(command, () => {})
    await journal.create(entry('b'), () => {})
    await a[Symbol.asyncDispose]()
    await journal[Symbol.asyncDispose]()
    expect(fails).toHaveBeenCalledTimes(2)
    expect(errors.map(({ message }) => message)).toEqual([
      'the command of onCleanup() that removes a pod failed: exit 1. isobench clean runs it again',
    ])
    expect(errors[0]!.stack).toContain('journal.test.ts')
    const [found] = readJournals().filter(({ file }) => file === journal.file)
    expect(found).toMatchObject({ ownerAlive: true, isBeingCleaned: false, entries: [command] })
    removeJournal(journal)
  })

  it('is never written over another of its name', async () => {
    await using journal = CleanupJournal.start('taken', undo)
    const before = readFileSync(journal.file, 'utf8')
    expect(() => CleanupJournal.start('taken', undo)).toThrow(/exists already/)
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
    removeJournal(journal)
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
    appendFileSync(file, '{"owner":{"pi', { mode: 0o600 })
    const found = readJournals().find((one) => one.file === file)!
    expect(found).toMatchObject({ file, ownerAlive: false, entries: [] })
    expect(found.refused).toBeUndefined()
    removeJournal(found)
  })

  it('there are none where there never was one', () => {
    vi.stubEnv('ISOBENCH_STATE', `${folder.path}/elsewhere`)
    expect(readJournals()).toEqual([])
    vi.stubEnv('ISOBENCH_STATE', folder.path)
    expect(readdirSync(journalsFolder())).toEqual([])
  })
})

describe('while other processes clean', () => {
  /** What a `clean` does in another process: it removes each journal that nobody owns. */
  const cleaner = () =>
    script(
      folder.path,
      'cleaner',
      `import { openJournals, removeJournal } from './src/host/journal.ts'
       // The environment of host commands lacks ISOBENCH_STATE. The host's own journals must not be touched.
       process.env.ISOBENCH_STATE = '${folder.path}'
       for (const journal of openJournals()) {
         if (!journal.ownerAlive) removeJournal(journal)
         process.stdout.write(journal.file + (journal.ownerAlive ? ' alive' : ' dead') + '\\n')
       }`,
    )

  /** Puts a program before flock(1) that cleans first, so that the clean falls between the creation and the lock. */
  async function cleanBeforeEachLock(): Promise<Disposable> {
    const bin = join(folder.path, 'bin')
    mkdirSync(bin, { recursive: true })
    const real = execFileSync('sh', ['-c', 'command -v flock'], { encoding: 'utf8' }).trim()
    const program = `#!/bin/sh
PATH='${process.env.PATH}' ${process.execPath} ${await cleaner()} 3>&- >&2
exec ${real} "$@"
`
    writeFileSync(join(bin, 'flock'), program, { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`)
    return { [Symbol.dispose]: () => void vi.stubEnv('PATH', process.env.PATH!.slice(bin.length + 1)) }
  }

  it('a process notices that a clean took the journal that it starts', async () => {
    using _clean = await cleanBeforeEachLock()
    // Every try loses its file to the cleaner. The process must notice instead of writing to a removed file.
    expect(() => CleanupJournal.start('raced', undo)).toThrow(/remove the files of/)
    expect(readdirSync(journalsFolder())).toEqual([])
  })

  it('a started journal is found with its owner, by any process', async () => {
    await using journal = CleanupJournal.start('owned', undo)
    const found = execFileSync(process.execPath, [await cleaner()], { encoding: 'utf8' })
    expect(found).toBe(`${journal.file} alive\n`)
    expect(existsSync(journal.file)).toBe(true)
  })

  it('a dead journal has one cleaner at a time', async () => {
    writeFileSync(`${journalsFolder()}/dead.jsonl`, '', { mode: 0o600 })
    for (const journal of openJournals()) {
      expect(journal.ownerAlive).toBe(false)
      expect([...openJournals()].map(({ ownerAlive }) => ownerAlive)).toEqual([true])
      removeJournal(journal)
    }
  })

  it('a journal that vanishes after it was listed is left out', () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(`${journalsFolder()}/${name}.jsonl`, '', { mode: 0o600 })
    const found: string[] = []
    for (const { file } of openJournals()) {
      found.push(file)
      for (const name of readdirSync(journalsFolder())) removeJournal({ file: `${journalsFolder()}/${name}` })
    }
    expect(found).toHaveLength(1)
  })

  it('starts and cleans of many processes lose no journal and leave none', async () => {
    const starter = await script(
      folder.path,
      'starter',
      `import { existsSync } from 'node:fs'
       import { CleanupJournal } from './src/host/journal.ts'
       for (let at = 0; at < 25; at++) {
         const journal = CleanupJournal.start('stress-' + process.pid + '-' + at, async () => {})
         await journal.create({ kind: 'netns', name: 'a' }, () => {})
         if (!existsSync(journal.file)) process.exit(9)
         await journal[Symbol.asyncDispose]()
       }`,
    )
    const file = await cleaner()
    const starting = Promise.all([finished(starter), finished(starter)])
    let isOver = false
    void starting.then(() => {
      isOver = true
    })
    do await finished(file)
    while (!isOver)
    expect(await starting).toEqual([1, 2].map(() => ({ code: 0, signal: null })))
    expect(readdirSync(journalsFolder())).toEqual([])
  })
})

describe('a journal that another user may have written', () => {
  const file = () => `${journalsFolder()}/foreign.jsonl`
  const argv = ['touch', join(folder.path, 'executed')]
  const line = `{"made":0,"entry":${JSON.stringify({ kind: 'command', description: 'x', argv })}}\n`

  it.each([
    ['is writable by others', () => chmodSync(file(), 0o666), /other users can write/],
    [
      'is a link',
      () => {
        renameSync(file(), join(folder.path, 'moved'))
        symlinkSync(join(folder.path, 'moved'), file())
      },
      /a link/,
    ],
    [
      'is a folder',
      () => {
        rmSync(file())
        mkdirSync(file())
      },
      /not a regular file/,
    ],
    [
      'is a FIFO',
      () => {
        rmSync(file())
        execFileSync('mkfifo', ['-m', '600', file()])
      },
      /not a regular file/,
    ],
    ...(process.getuid!() === 0
      ? ([['belongs to another user', () => chownSync(file(), 1000, 1000), /belongs to user 1000/]] as const)
      : []),
  ] as const)('is refused, with no entry, if it %s', (_, spoil, why) => {
    writeFileSync(file(), line, { mode: 0o600 })
    spoil()
    const [found] = readJournals()
    expect(found).toMatchObject({ file: file(), ownerAlive: false, entries: [] })
    expect(found!.refused).toMatch(why)
    rmSync(file(), { recursive: true })
  })

  it.each([0, 0o077])('is not that of a run with umask %i, nor is its folder or the state folder', async (umask) => {
    const state = join(folder.path, `umask-${umask}`, 'state')
    vi.stubEnv('ISOBENCH_STATE', state)
    const before = process.umask(umask)
    try {
      await using journal = CleanupJournal.start('umask', undo)
      const modes = [state, journalsFolder(), journal.file].map((path) => (statSync(path).mode & 0o777).toString(8))
      expect(modes).toEqual(['755', '700', '600'])
      expect(left(journal)).toEqual([])
    } finally {
      process.umask(before)
      vi.stubEnv('ISOBENCH_STATE', folder.path)
    }
  })

  it('is not trusted in a folder that every user can change, unless it is sticky', async () => {
    const state = join(folder.path, 'open')
    vi.stubEnv('ISOBENCH_STATE', state)
    mkdirSync(state)
    chmodSync(state, 0o777)
    expect(() => CleanupJournal.start('open', undo)).toThrow(/every user of this host can change .*\/open/)
    chmodSync(state, 0o1777)
    await using journal = CleanupJournal.start('open', undo)
    expect(existsSync(journal.file)).toBe(true)
    vi.stubEnv('ISOBENCH_STATE', folder.path)
  })

  it('is not trusted in a folder that another user has made in a sticky one', () => {
    const state = join(folder.path, 'sticky')
    mkdirSync(join(state, 'elsewhere'), { recursive: true, mode: 0o700 })
    chmodSync(state, 0o1777)
    vi.stubEnv('ISOBENCH_STATE', state)
    symlinkSync('elsewhere', journalsFolder())
    expect(() => CleanupJournal.start('sticky', undo)).toThrow(
      /journals is not a folder that only the user of this process/,
    )
    if (process.getuid!() === 0) {
      rmSync(journalsFolder())
      mkdirSync(journalsFolder(), { mode: 0o700 })
      chownSync(journalsFolder(), 1000, 1000)
      expect(() => CleanupJournal.start('sticky', undo)).toThrow(
        /journals is not a folder that only the user of this process/,
      )
    }
    vi.stubEnv('ISOBENCH_STATE', folder.path)
  })
})

it('in a state folder that cannot be made: names the folder and the variable', () => {
  vi.stubEnv('ISOBENCH_STATE', '/proc/isobench')
  expect(() => CleanupJournal.start('no-state', async () => {})).toThrow(
    expect.objectContaining({
      message: '/proc/isobench cannot be written: it is in proc, a file system of the kernel without files of users.',
      fix: expect.stringMatching(/set ISOBENCH_STATE to a folder that can be written$/),
    }),
  )
  vi.stubEnv('ISOBENCH_STATE', folder.path)
})
