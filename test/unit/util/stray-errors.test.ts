import { createHook } from 'node:async_hooks'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { afterAll, describe, expect, it } from 'vitest'
import { DefinitionError } from '../../../src/dsl/errors.ts'
import { claimStrayErrors, handleStrayErrors, StrayError } from '../../../src/util/stray-errors.ts'
import { withoutRunnerListeners } from '../../support/runner-listeners.ts'
import { script, temporary } from '../host/children.ts'

withoutRunnerListeners()

const later = () => sleep(20)
const unguarded: unknown = Reflect.get(process, '_kill')

const fail = (): never => {
  throw new Error('late')
}
const exits = () => process.exit(0)
const aborts = () => process.abort()
const elsewhere: () => never = runInNewContext('(function elsewhere() { throw new Error() })', {}, import.meta.filename)
function unreadable(): Error {
  let reads = 0
  return Object.defineProperty(new Error(), 'message', { get: () => (++reads > 1 ? fail() : 'once') })
}

describe('an error that nothing handles', () => {
  it.each([
    ['a promise', () => void Promise.reject(new Error('late'))],
    [
      'a timer',
      () =>
        void setTimeout(() => {
          throw new Error('late')
        }, 1),
    ],
    [
      'a promise after a wait',
      () =>
        void sleep(5).then(() => {
          throw new Error('late')
        }),
    ],
    [
      'an event',
      () =>
        void once(AbortSignal.timeout(5), 'abort').then(() => {
          throw new Error('late')
        }),
    ],
    [
      'an async hook',
      () => {
        createHook({ init: fail }).enable()
        setImmediate(() => {})
      },
    ],
    ['process.exit in a timer', () => void setTimeout(() => process.exit(0), 1)],
    ['process.reallyExit in a timer', () => void setTimeout(() => Reflect.get(process, 'reallyExit')(0), 1)],
    ['process.abort in a timer', () => void setTimeout(() => process.abort(), 1)],
    [
      'a timer that takes all listeners away',
      () =>
        void setTimeout(() => {
          process.removeAllListeners('uncaughtException')
          throw new Error('late')
        }, 1),
    ],
    [
      'a promise after all listeners are taken away',
      () => {
        for (const event of ['uncaughtException', 'unhandledRejection'])
          for (const listener of process.listeners(event as 'exit')) process.off(event, listener)
        void Promise.reject(new Error('late'))
      },
    ],
    [
      'a timer, with another process.emit',
      () => {
        const { emit } = process
        // The test runner receives messages as events.
        const others = (...event: Parameters<typeof emit>) =>
          String(event[0]) === 'uncaughtException' || Reflect.apply(emit, process, event)
        Reflect.set(process, 'emit', others)
        setTimeout(fail, 1)
        setTimeout(() => Reflect.deleteProperty(process, 'emit'), 5)
      },
    ],
  ])('of %s ends the sample that left it behind, not the one beside it', async (_, leave) => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    const ended: string[] = []
    using guilty = claimStrayErrors('guilty', ({ message }) => ended.push(`guilty: ${message}`))
    using innocent = claimStrayErrors('innocent', () => ended.push('innocent'))
    await Promise.all([guilty.run(async () => leave()), innocent.run(later)])
    await later()
    expect(ended).toEqual([
      expect.stringMatching(/^guilty: an error that the workload does not handle: (late|it called)/),
    ])
    expect(unclaimed).toEqual([])
  })

  it.each([
    ['an error', () => setTimeout(fail, 1), '.fail '],
    ['an error of node:vm', () => setTimeout(elsewhere, 1), '.elsewhere '],
    ['process.exit', () => setTimeout(exits, 1), '.exits '],
    ['process.abort', () => setTimeout(aborts, 1), '.aborts '],
  ])('of %s in a timer has the stack of the code that failed', async (_, leave, frame) => {
    using _handler = handleStrayErrors(() => {})
    const ended: Error[] = []
    using guilty = claimStrayErrors('guilty', (error) => ended.push(error))
    guilty.run(leave)
    await later()
    expect(ended.map(({ stack }) => stack!.split('\n').find((line) => line.includes(frame)))).toEqual([
      expect.stringContaining(import.meta.filename),
    ])
  })

  it('has the fix of a late registration, because the bench would vanish if the error was caught', () => {
    const location = { file: 'a.bench.ts', line: 1, column: 1 }
    const late = new DefinitionError('a bench is registered late', 'register it at the top level', location)
    expect(new StrayError(late).fix).toBe('register it at the top level')
    expect(new StrayError(new Error('other')).fix).toBe('await every promise, and catch errors of timers and streams')
  })

  it('names the sample that left it behind, if that is over', async () => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    const claim = claimStrayErrors('a#b on runc', () => {})
    claim.run(() =>
      setTimeout(() => {
        throw new Error('late')
      }, 5),
    )
    claim[Symbol.dispose]()
    await later()
    expect(unclaimed.map(({ message }) => message)).toEqual(['a#b on runc left an error that no code handles: late'])
  })

  it.each([
    [
      'a proxy',
      new Proxy({}, { getPrototypeOf: () => fail() }),
      'it threw a value that throws an error when it is read',
    ],
    [
      'an error that fails from the second time on',
      unreadable(),
      'it threw a value that throws an error when it is read',
    ],
  ])('is reported if it cannot be read: %s', async (_, thrown, message) => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    void Promise.reject(thrown)
    await later()
    expect(unclaimed.map((error) => error.message)).toEqual([`an error that no code handles: ${message}`])
  })

  it('is reported if its receiver fails, for example because the disk is full', async () => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    const late = () => {
      throw new Error('the disk is full')
    }
    const claim = claimStrayErrors('a#b on runc', () => {}, late)
    claim.run(() => setTimeout(() => fail(), 5))
    claim[Symbol.dispose]()
    await later()
    const expected = 'a#b on runc left an error that no code handles: the disk is full'
    expect(unclaimed.map(({ message }) => message)).toEqual([expected])
  })

  it('of no sample goes to the latest handler, and process.exit throws until the last one is gone', async () => {
    const { exit } = process
    const got: string[] = []
    const outer = handleStrayErrors(() => got.push('outer'))
    const inner = handleStrayErrors(() => got.push('inner'))
    void Promise.reject(new Error('one'))
    await later()
    inner[Symbol.dispose]()
    expect(() => process.exit(0)).toThrow('it called process.exit(0)')
    void Promise.reject(new Error('two'))
    await later()
    outer[Symbol.dispose]()
    expect(got).toEqual(['inner', 'outer'])
    expect(process.exit).toBe(exit)
  })
})

describe('a signal that user code sends', () => {
  const [pid, group] = [process.pid, Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')[2])]
  const { kill } = process

  it.each<[target: string, send: () => unknown, text: string]>([
    ['isobench', () => process.kill(pid, 'SIGKILL'), "process.kill(process.pid, 'SIGKILL')"],
    ['isobench, by a number', () => process.kill(pid, 19), "process.kill(process.pid, 'SIGSTOP')"],
    ['isobench, as a text', () => process.kill(String(pid) as never), "process.kill(process.pid, 'SIGTERM')"],
    ['isobench, by an import of kill', () => kill(pid, 'SIGUSR1'), "process.kill(process.pid, 'SIGUSR1')"],
    ['its group', () => process.kill(0, 'SIGINT'), "process.kill(0, 'SIGINT')"],
    ['its group, by its number', () => process.kill(-group, 'SIGINT'), `process.kill(-${group}, 'SIGINT')`],
    ['all processes', () => process.kill(-1, 'SIGKILL'), "process.kill(-1, 'SIGKILL')"],
    ['its parent', () => process.kill(process.ppid, 'SIGHUP'), "process.kill(process.ppid, 'SIGHUP')"],
  ])('to %s is an error', (_, send, text) => {
    using _handler = handleStrayErrors(() => {})
    using claim = claimStrayErrors('a#b on runc', () => {})
    // Nothing but this keeps the signal from the test runner.
    expect(Reflect.get(process, '_kill')).not.toBe(unguarded)
    expect(() => claim.run(send)).toThrow(`it called ${text}, which reaches isobench`)
  })

  it('to a child reaches it, and signal 0 asks for any process', async () => {
    using _handler = handleStrayErrors(() => {})
    using claim = claimStrayErrors('a#b on runc', () => {})
    const child = spawn('sleep', ['60'], { detached: true })
    await once(child, 'spawn')
    claim.run(() => process.kill(-child.pid!, 'SIGTERM'))
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
    expect(claim.run(() => process.kill(pid, 0))).toBe(true)
  })

  it('is sent if no code of the project runs: packages handle a signal and then send it again', async () => {
    const received = once(process, 'SIGUSR2')
    {
      using _handler = handleStrayErrors(() => {})
      process.kill(pid, 'SIGUSR2')
      await received
    }
    expect(Reflect.get(process, '_kill')).toBe(unguarded)
  })
})

it('works beside a capture callback of the program that has loaded isobench, which stays', async () => {
  const captured: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => captured.push(error))
  try {
    const unclaimed: StrayError[] = []
    const handler = handleStrayErrors((error) => unclaimed.push(error))
    expect(() => process.exit(0)).toThrow('it called process.exit(0)')
    void Promise.reject(new Error('late'))
    await later()
    handler[Symbol.dispose]()
    expect(unclaimed.map(({ message }) => message)).toEqual(['an error that no code handles: late'])
    const thrown = new Error('of the program')
    setTimeout(() => {
      throw thrown
    }, 1)
    await later()
    expect(captured).toEqual([thrown])
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  expect(process.listeners('uncaughtException')).toEqual([])
})

it('lets user code load node:domain, and gives the function of Node.js back', () => {
  const original: unknown = Reflect.get(process, '_fatalException')
  const handler = handleStrayErrors(() => {})
  expect(Reflect.get(process, '_fatalException')).not.toBe(original)
  expect(createRequire(import.meta.url)('node:domain')).toHaveProperty('create')
  handler[Symbol.dispose]()
  expect(Reflect.get(process, '_fatalException')).toBe(original)
})

describe('the exit code', () => {
  const folder = temporary()
  afterAll(() => folder.remove())

  it.each([
    ['process.exit(0)', 'an error that no code handles: it called process.exit(0); throw an error instead'],
    ['process.reallyExit(0)', 'an error that no code handles: it called process.reallyExit(0); throw an error instead'],
    ["throw new Error('late')", 'an error that no code handles: late'],
    ['process.exitCode = 3', ''],
    ['for (;;);', 'an error that no code handles: Script execution timed out after 5000ms'],
  ])('stays if a listener of the end does this: %s', async (code, message) => {
    const file = await script(
      folder.path,
      'ending',
      `import { endProcess, handleStrayErrors } from './src/util/stray-errors.ts'
      handleStrayErrors(({ message }) => console.log(message))
      process.on('exit', () => { ${code} })
      endProcess(() => 7)`,
    )
    const { status, stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
    expect({ status, message: stdout.trim() }).toEqual({ status: 7, message })
  })
})
