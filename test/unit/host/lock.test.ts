import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { privateFolder } from '../../../src/host/guest-folder.ts'
import type { CleanupJournal } from '../../../src/host/journal.ts'
import { LockedError, type LockHolder, lock, runBuildCommand } from '../../../src/host/lock.ts'
import { hostLockFile } from '../../../src/host/paths.ts'
import { HostError } from '../../../src/util/errors.ts'
import { firstLine, script, temporary } from './children.ts'

const folder = temporary()
afterAll(() => folder.remove())

const purpose = 'testing'
const name = join(folder.path, 'lock')

/** Takes the lock that its argument names, says whether it got it, and holds it until its input ends. */
const taker = () =>
  script(
    folder.path,
    'taker',
    `import { lock } from './src/host/lock.ts'
     try {
       const held = await lock(process.argv[2], { purpose: 'racing' })
       process.stdout.write('won\\n')
       process.stdin.resume().on('end', () => held[Symbol.dispose]())
     } catch (error) {
       process.stdout.write(error.code + '\\n')
     }`,
  )

const start = (file: string, lockPath: string) =>
  spawn(process.execPath, [file, lockPath], { stdio: ['pipe', 'pipe', 'inherit'] })

describe('the lock', () => {
  it('refuses a second holder, naming the first by its pid and purpose', async () => {
    using _held = await lock(name, { purpose: 'measuring runc' })
    const error = await lock(name, { purpose }).catch((error) => error)
    expect(error).toBeInstanceOf(LockedError)
    expect(error.message).toContain(`process ${process.pid}, measuring runc`)
  })

  it('is free again when it is disposed of', async () => {
    for (let times = 0; times < 2; times++) {
      using held = await lock(name, { purpose })
      expect(held).toBeDefined()
      await expect(lock(name, { purpose })).rejects.toBeInstanceOf(LockedError)
    }
  })

  it('is free again when its holder is killed', async () => {
    const holder = start(await taker(), name)
    expect(await firstLine(holder)).toBe('won')
    await expect(lock(name, { purpose })).rejects.toThrow(`process ${holder.pid}, racing`)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    using held = await lock(name, { purpose })
    expect(held).toBeDefined()
  })

  it('waits for its holder, and says once for whom', async () => {
    const first = await lock(name, { purpose: 'first' })
    const events: unknown[] = []
    const onWait = (holder: LockHolder) => {
      events.push(holder.purpose)
      first[Symbol.dispose]()
    }
    const onWaited = (milliseconds: number) => events.push(milliseconds)
    using _held = await lock(name, { purpose: 'second', wait: true, onWait, onWaited })
    expect(events).toEqual(['first', expect.any(Number)])
  })

  it('says whom it waits for again if another process takes the lock before it', async () => {
    let holder: Disposable | undefined = await lock(name, { purpose: 'first' })
    const waitedFor: string[] = []
    const onWait = ({ purpose }: LockHolder) => {
      waitedFor.push(purpose)
      holder?.[Symbol.dispose]()
      holder = undefined
      // A free lock is taken before the call returns.
      if (purpose === 'first') void lock(name, { purpose: 'between' }).then((held) => (holder = held))
    }
    using _held = await lock(name, { purpose: 'second', wait: true, onWait })
    expect(waitedFor).toEqual(['first', 'between'])
  })

  it('does not say that it waited if it was free', async () => {
    const waits: number[] = []
    using _held = await lock(name, { purpose, wait: true, onWaited: (milliseconds) => waits.push(milliseconds) })
    expect(waits).toEqual([])
  })

  it('stops waiting if it is aborted', async () => {
    using _held = await lock(name, { purpose })
    const stop = new AbortController()
    const waiting = lock(name, { purpose, wait: true, signal: stop.signal, onWait: () => stop.abort() })
    await expect(waiting).rejects.toThrow(/interrupted/)
  })

  it('goes to exactly one of several processes that want it at once', async () => {
    const file = await taker()
    const takers = [1, 2, 3, 4].map(() => start(file, `${name}-race`))
    const answers = await Promise.all(takers.map(firstLine))
    const ended = takers.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined))
    for (const child of takers) child.stdin.end()
    await Promise.all(ended)
    expect(answers.sort()).toEqual(['ISOBENCH_LOCKED', 'ISOBENCH_LOCKED', 'ISOBENCH_LOCKED', 'won'])
  })

  it('disposed of twice does not free the lock of who took it since', async () => {
    const first = await lock(name, { purpose })
    first[Symbol.dispose]()
    using _second = await lock(name, { purpose })
    first[Symbol.dispose]()
    await expect(lock(name, { purpose })).rejects.toBeInstanceOf(LockedError)
  })

  it('is a file that no other user can open, and that is gone afterwards', async () => {
    const before = process.umask(0)
    const held = await lock(name, { purpose })
    process.umask(before)
    expect(statSync(name).mode & 0o777).toBe(0o600)
    held[Symbol.dispose]()
    expect(existsSync(name)).toBe(false)
  })

  it('is taken over from a process that was killed, not named after it', async () => {
    const id = { pid: 2 ** 22 + 1, started: '1' }
    writeFileSync(name, JSON.stringify({ id, purpose: 'dead', since: '2026-01-01' }))
    using _held = await lock(name, { purpose })
    expect(readFileSync(name, 'utf8')).toContain(`"pid":${process.pid}`)
  })

  it('of a file that its holder removes is not mistaken for the lock of the new file', async () => {
    const first = await lock(name, { purpose: 'first' })
    // The second one waits for the lock of a file that is gone when it gets it.
    const second = lock(name, { purpose: 'second', wait: true, onWait: () => first[Symbol.dispose]() })
    using _second = await second
    const error = await lock(name, { purpose }).catch((error) => error)
    expect(error.message).toContain(`process ${process.pid}, second`)
  })

  it('of the host is the same whatever the state folder is called', () => {
    expect(hostLockFile).toBe('/run/isobench/host.lock')
  })
})

describe('the folder of the lock', () => {
  const path = (name: string) => join(folder.path, name)

  it('is for one user alone, with any umask', () => {
    const before = process.umask(0)
    privateFolder(path('own'))
    process.umask(before)
    expect(statSync(path('own')).mode & 0o777).toBe(0o700)
    expect(privateFolder(path('own'))).toBe(path('own'))
  })

  it('is closed if others can read it', () => {
    mkdirSync(path('readable'))
    chmodSync(path('readable'), 0o755)
    expect(privateFolder(path('readable'))).toBe(path('readable'))
    expect(statSync(path('readable')).mode & 0o777).toBe(0o700)
  })

  it.each([
    [
      'open to changes of others',
      (to: string) => {
        mkdirSync(to)
        chmodSync(to, 0o775)
      },
    ],
    ['a link', (to: string) => symlinkSync(path('own'), to)],
    ['a file', (to: string) => writeFileSync(to, '', { mode: 0o600 })],
  ])('is refused if it is %s', (name, make) => {
    make(path(name))
    expect(() => privateFolder(path(name))).toThrow(HostError)
  })
})

test('a command of a build that cannot be journaled fails with the error of the journal', async () => {
  const journal = { create: () => Promise.reject(new Error('the disk is full')) } as unknown as CleanupJournal
  // A rejection that nothing handles while the command runs would fail this test run.
  await expect(runBuildCommand(['sleep', '0.05'], { journal })).rejects.toThrow('the disk is full')
})
