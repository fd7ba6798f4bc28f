import { afterEach, describe, expect, it, vi } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import {
  execInGuest,
  type SampleNotes,
  withinLimits,
  workloadClient,
  workloadGuest,
} from '../../../../src/core/measure/guest-api.ts'
import { CommandArgumentError, guestArgv } from '../../../../src/core/measure/guest-argv.ts'
import type { Exec, ExecTarget } from '../../../../src/core/session/exec-target.ts'
import { CommandError, type TimedResult } from '../../../../src/host/timed-process.ts'
import { formatSlowServerStop } from '../../../../src/reporters/format.ts'
import { aPlan, aSample, environmentOf } from '../judge/builders.ts'

afterEach(() => vi.useRealTimers())

const target: ExecTarget = { name: 'mine', rootfs: '/', execArgv: (argv) => argv as never }
const done: TimedResult = { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }

/** Serves, and stops the server. Its process on the host ends some milliseconds after the kill. */
async function notesOf(milliseconds: number): Promise<SampleNotes> {
  vi.useFakeTimers({ toFake: ['performance'] })
  let end!: () => void
  const ended = new Promise<TimedResult>((resolve) => {
    end = () => resolve(done)
  })
  const exec: Exec = async (argv) => {
    if (argv.includes('redis-server')) return ended
    if (argv.some((arg) => arg.includes('kill -9'))) {
      vi.advanceTimersByTime(milliseconds)
      end()
    }
    return done
  }
  const notes: SampleNotes = {}
  const bounds = { exec, signal: new AbortController().signal, until: performance.now() + 60_000 }
  const guest = workloadGuest(target, target, '10.0.0.1', bounds, notes)
  const service = await guest.serve({ argv: ['redis-server'] }, { port: 6379 })
  await service[Symbol.asyncDispose]()
  return notes
}

function guestAndClient() {
  const exec: Exec = async () => done
  const bounds = { exec, signal: new AbortController().signal, until: performance.now() + 60_000 }
  const clientTarget = { ...target, cpus: 1, enterHost: target.execArgv, cpuSeconds: () => null }
  return {
    guest: workloadGuest(target, target, '10.0.0.1', bounds),
    client: workloadClient(clientTarget, bounds, () => {}),
  }
}

it('an option that exec() does not have is refused', async () => {
  const { guest, client } = guestAndClient()
  const run = { argv: ['true'] } as const
  await expect(guest.exec(run, { untrace: true } as never)).rejects.toThrow(
    'exec(): there is no option "untrace": did you mean "untraced"?',
  )
  await expect(client.exec(run, { rootFs: 'host' } as never)).rejects.toThrow(
    'exec(): there is no option "rootFs": did you mean "rootfs"?',
  )
  expect(await client.exec(run, { rootfs: 'host', input: '' })).toEqual(done)
})

it('a driver gets to know which commands have no input', async () => {
  const given: unknown[] = []
  const noting: ExecTarget = {
    ...target,
    execArgv: (argv, options) => {
      given.push(options)
      return argv as never
    },
  }
  const bounds = { exec: async () => done, signal: new AbortController().signal, until: performance.now() + 60_000 }
  for (const options of [{}, { input: '' }, { input: 'a' }])
    await execInGuest(noting, { argv: ['cat'] }, options, bounds)
  const dialogue = () => {}
  await execInGuest(noting, { argv: ['cat'] }, {}, bounds, { dialogue })
  expect(given).toEqual([{ noInput: true }, { noInput: true }, { noInput: false }, { noInput: false }])
})

it.each([
  [{ port: 6379, hst: '::' }, /^serve\(\): there is no option "hst"/],
  [undefined, /^serve\(\): the options are undefined: use { port }$/],
  [{ port: 0 }, /^serve\(\): expected an integer from 1 to 65535 as port, not 0$/],
  [{ port: '80' }, /not "80"$/],
])('serve() refuses the options %s', async (options, message) => {
  const { guest } = guestAndClient()
  await expect(guest.serve({ argv: ['true'] }, options as never)).rejects.toThrow(message)
})

it('a command with a field that no command has is refused', async () => {
  const { guest } = guestAndClient()
  await expect(guest.exec({ argv: ['ls'], pwd: '/data' } as never)).rejects.toThrow(
    'the command ls: there is no option "pwd": did you mean "cwd"?',
  )
})

describe('what a command carries', () => {
  const argv = (given: object) => guestArgv({ argv: ['tool'], ...given } as never)

  it('reaches the guest as it is', () => {
    const text = [
      '',
      ' a  b ',
      '$HOME',
      '$(id)',
      '%n %%',
      '\'"\\',
      'a\nb\t\x1b[2J',
      '-x',
      '--',
      'é ü 日本 \u{1f600}',
      '*',
    ]
    expect(argv({ argv: ['tool', ...text] })).toEqual(['tool', ...text])
    expect(argv({ env: { A: 'b=c', 'x y': '$A\n' }, cwd: '/data/a b' })).toEqual([
      ...['env', '-C', '/data/a b', 'A=b=c', 'x y=$A\n', 'tool'],
    ])
  })

  it.each([
    ['a NUL character', { argv: ['tool', 'a\0b'] }, 'the command tool: argument 1 has a NUL character'],
    ['half of a surrogate pair', { argv: ['tool', 'a', '\ud83d'] }, 'argument 2 has half of a surrogate pair'],
    ['them in a variable', { env: { A: '\udc00' } }, 'the variable A has half of a surrogate pair'],
    ['them in the working directory', { cwd: '/a\0' }, 'the command tool: cwd has a NUL character'],
    ['a program that env would read as a variable', { argv: ['a=b', 'c'] }, 'the command a=b has "=" in the name'],
    ['a variable that env would read as an option', { env: { '-i': '' } }, '"-i" cannot be the name of a variable'],
    ['a variable with another name than it seems', { env: { 'A=B': 'c' } }, '"A=B" cannot be the name'],
    ['a variable without a name', { env: { '': 'c' } }, '"" cannot be the name'],
    ['a variable that is no text', { env: { A: undefined } }, 'the variable A is undefined, not a text'],
    ['variables in another form', { env: ['A=b'] }, "env is an array. Write { NAME: 'value' }"],
    ['a working directory that is no text', { cwd: 1 }, 'cwd is 1, not a text'],
  ])('is refused if it is %s', (_, given, message) => {
    expect(() => argv(given)).toThrow(message)
    expect(() => argv(given)).toThrow(CommandArgumentError)
  })
})

describe('a command that is a text for a shell', () => {
  it('is refused, with what to write', async () => {
    const { guest, client } = guestAndClient()
    for (const run of [guest.exec, (given: never) => guest.serve(given, { port: 1 }), client.exec])
      await expect(run('echo hi' as never)).rejects.toThrow(
        /^expected a command, got "echo hi"\. isobench starts no shell\. Write command\('echo', 'hi'\), from /,
      )
  })
})

describe('a server that ends slowly', () => {
  it('is named in the sample', async () => {
    expect(await notesOf(60_000)).toEqual({ slowServerStop: { program: 'redis-server', ms: 60_000 } })
  })

  it('is not one that ends within 5 s', async () => {
    expect(await notesOf(4000)).toEqual({})
  })

  it('is named in the report, with the number of samples', () => {
    const slow = [59_000, 60_000].map((ms) => ({ slowServerStop: { program: 'redis-server', ms } }))
    const samples = [...slow, {}].map((notes, round) => aSample('runc', round, notes))
    const record = {
      file: 'a.jsonl',
      status: 'finished',
      environment: environmentOf(),
      plan: aPlan(),
      problems: [],
      samples,
    } as const
    const { cases } = buildReport(record, { strict: false })
    const { slowServerStop } = cases[0]!.results.find(({ platform }) => platform === 'runc')!
    expect(slowServerStop).toEqual({ program: 'redis-server', ms: 60_000, samples: 2 })
    expect(formatSlowServerStop(slowServerStop!)).toMatch(/^redis-server took 1 min to end in 2 samples: /)
  })
})

describe('work within the limits of a guest', () => {
  const limits = { cpus: [1], memoryBytes: 2 ** 30 }
  const memoryReason =
    'qemu went over its memory limit of 1024 MiB, and the kernel killed a process in it. ' +
    'Raise guest.memory in isobench.config.ts.'

  it.each([
    ['the host', 1, 0],
    ['the guest', 0, 1],
  ])('has no result if the kernel of %s killed a process', async (_, onHost, inGuest) => {
    let [host, guest] = [3, 0]
    const work = async () => {
      host += onHost
      guest += inGuest
      return 'done'
    }
    const sandbox = { limits, exceededLimit: () => undefined, oomKillCount: () => host }
    const handle = { oomKillCount: async () => guest }
    await expect(withinLimits('qemu', sandbox, work, handle)).rejects.toThrow(memoryReason)
  })

  it('has an error with both causes if it failed, unless the error names the memory already', async () => {
    let kills = 0
    const sandbox = { limits, exceededLimit: () => undefined, oomKillCount: () => kills++ }
    const failed = (error: Error) => withinLimits('qemu', sandbox, () => Promise.reject(error))
    await expect(failed(new Error('no number'))).rejects.toThrow(`${memoryReason} First failure: no number`)
    await expect(failed(new CommandError('went over'))).rejects.toThrow(/^went over$/)
  })
})
