/** The checks of the conformance suite fail with words. Their guests are processes of this host. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ConformanceCheck, ConformanceHost } from '../../../src/conformance/check.ts'
import type { ResolvedPlatform } from '../../../src/core/project/platforms.ts'
import type { Driver } from '../../../src/driver.ts'
import type { HostArgv } from '../../../src/host/process.ts'
import type { OwnedGuestSandbox } from '../../../src/host/sandbox.ts'

// The limits of time are read on import.
vi.stubEnv('ISOBENCH_PROBE_SECONDS', '1')
const { guestChecks, oneShotChecks } = await import('../../../src/conformance/checks.ts')
const { expectBytes, expectNone, expectText } = await import('../../../src/conformance/expectations.ts')
const { expectCpuTime } = await import('../../../src/conformance/resource-checks.ts')
vi.unstubAllEnvs()

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-conformance-'))
  for (const name of ['bin', 'usr/bin', 'var/lib', 'data']) mkdirSync(join(folder, name), { recursive: true })
  // Otherwise the image lacks the program.
  writeFileSync(join(folder, 'bin/sh'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Sandboxes without a cgroup, and a load client that never answers. */
function fakeHost(): ConformanceHost {
  const place = {
    ...{ id: 'isobench-unit', group: 'isobench-unit', stateDir: folder, dataDir: join(folder, 'data') },
    ...{ address: '192.0.2.2', limits: { cpus: [0], memoryBytes: 512 * 1024 ** 2 } },
    oomKillCount: () => 0,
    memory: () => ({ total: 1024 ** 2, anonymous: 1024 ** 2, shared: 0, pageCache: 0 }),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as OwnedGuestSandbox
  const execArgv = (): HostArgv => ['false']
  const target = { name: 'the client', rootfs: folder, execArgv, enterHost: execArgv, cpus: 1, cpuSeconds: () => null }
  return {
    session: { createSandbox: async () => place, prefix: 'isobench-unit' },
    client: { ...target, inNetns: () => target },
    image: { rootfs: folder },
    signal: new AbortController().signal,
  }
}

/** A platform with a driver that runs `argv` for every command. */
const platformOf = (argv: HostArgv): ResolvedPlatform =>
  ({
    spec: { name: 'broken' },
    driver: {
      ...{ kind: 'broken', family: 'container', description: '', options: { parse: () => ({}) } },
      requirements: () => [],
      oneShot: async () => argv,
      boot: async () => ({ execArgv: () => argv }),
    } as Driver,
    options: {},
  }) as unknown as ResolvedPlatform

async function failureOf(checks: readonly ConformanceCheck[], name: string): Promise<string> {
  const check = checks.find((one) => one.name.startsWith(name))
  if (!check) throw new Error(`there is no check "${name}"`)
  return check.run().then(
    () => 'passed',
    (error: Error) => error.message,
  )
}

async function failureOfGuest(argv: HostArgv, name: string): Promise<string> {
  const guest = guestChecks(fakeHost(), platformOf(argv))
  await guest.open()
  return failureOf(guest.checks, name)
}

const silent: HostArgv = ['true']
const output = (text: string): HostArgv => ['printf', '%s', text]

describe('a check of a guest that stays', () => {
  it.each<[name: string, argv: HostArgv, message: string]>([
    ['reports exit codes', silent, 'expected exit code 7; seen: /bin/sh in broken: exit code 0'],
    ['passes arguments', output('$HOME'), 'seen: "$HOME"'],
    ['gives 10 MiB', silent, 'expected 10485760 bytes unchanged at standard output; seen: 0 bytes'],
    ['takes a mebibyte', ['false'], 'expected exit code 0; seen: exit code 1'],
    ['keeps the two outputs', output('out\nerr\n'), 'expected standard output "out\\n"; seen: "out\\nerr\\n"'],
    ['has the environment', output('/\n'), 'expected a variable and the working directory "red and blue'],
    ['lets a command kill', silent, 'expected the exit code 137 of the killed process; seen: exit code 0'],
    ['has the CPUs', output('8\n'), 'expected the number of CPUs "1\\n"; seen: "8\\n"'],
    ['has a separate network', output(' lo: 0\n docker0: 0\n'), 'expected the links "eth0 lo"; seen: "docker0 lo"'],
    ['is called on', silent, 'that answers at 192.0.2.2:7007; seen: socat in broken ended before a client'],
    ['reaches the client', silent, 'expected the answer of the client at 192.0.2.1:7008 "hello\\n"; seen: ""'],
    ['allows a second guest', silent, 'that answers at 192.0.2.2:7009; seen: socat in broken ended before'],
    ['writes to /data', output('guest\n'), 'expected the content of the file on the host "guest\\n"; seen: "ENOENT'],
    ['cannot write', silent, 'expected an error of a command that writes to /usr; seen: exit code 0'],
    ['does not see', output('visible\n'), `no process of the host in the guest's /proc; seen: ${process.pid} is one`],
    ['does not see', silent, 'expected the result of a search for a process of the host "hidden\\n"; seen: ""'],
    ['stops when it is frozen', silent, 'expected output every 10 ms before the guest is frozen; seen: none'],
    ['has its memory', silent, 'expected at least the 32 MiB that the guest stores; seen: 1 MiB'],
    ['kills only', silent, 'needs 1 GiB with a limit of 512 MiB; seen: exit code 0'],
  ])('"%s ..." states what was expected and seen', async (name, argv, message) => {
    expect(await failureOfGuest(argv, name)).toContain(message)
  })

  it('finds a guest that is not frozen', async () => {
    const ticking: HostArgv = ['sh', '-c', 'while :; do printf .; sleep 0.01; done']
    expect(await failureOfGuest(ticking, 'stops when it is frozen')).toMatch(
      /^expected no output of a frozen guest; seen: \d+ bytes in 0.3 s$/,
    )
  })

  it('does not wait for a server that no command can end', async () => {
    const guest = guestChecks(fakeHost(), platformOf(silent))
    await guest.open()
    await failureOf(guest.checks, 'lets a command kill')
    const message = 'expected commands that can end a server; seen: a command cannot kill another one'
    expect(await failureOf(guest.checks, 'is called on')).toBe(message)
    expect(await failureOf(guest.checks, 'allows a second guest')).toBe(message)
  })
})

describe('a check of a guest that runs one command', () => {
  const failure = (argv: HostArgv, name: string) => failureOf(oneShotChecks(fakeHost(), platformOf(argv)), name)

  it('states a wrong exit code, wrong output and a command that ended early', async () => {
    const name = 'gets its arguments'
    expect(await failure(silent, name)).toBe('expected exit code 7; seen: the guest: exit code 0')
    expect(await failure(['sh', '-c', 'exit 7'], name)).toMatch(/^expected the arguments "\| \|\$HOME.*; seen: ""$/)
    expect(await failure(silent, 'leaves nothing')).toMatch(
      /^expected a guest that still runs after \d+ ms, because its command is `sleep 60`; seen: exit code 0$/,
    )
  })
})

describe('an expectation', () => {
  const messageOf = (check: () => void) => {
    try {
      check()
    } catch (error) {
      return (error as Error).message
    }
    return 'passed'
  }

  it('of a CPU limit states how many CPUs were used', () => {
    expect(messageOf(() => expectCpuTime(1.05, 0.5, 1))).toBe(
      'expected at most 1 CPU, the limit of the guest; seen: 2.10 CPUs for 0.50 s',
    )
    expect(messageOf(() => expectCpuTime(0.5, 0.5, 1))).toBe('passed')
  })

  it('of bytes states the first difference', () => {
    const sent = Buffer.from('abcd')
    expect(messageOf(() => expectBytes('standard error', sent, Buffer.from('abXd')))).toBe(
      'expected 4 bytes unchanged at standard error; seen: byte 2 is 88, and 99 was sent',
    )
    expect(messageOf(() => expectBytes('standard error', sent, sent))).toBe('passed')
  })

  it('of nothing lists at most ten of what there is', () => {
    const found = Array.from({ length: 12 }, (_, at) => `mount /mnt/${at}`)
    const list = found.slice(0, 10).join(', ')
    expect(messageOf(() => expectNone('object', found))).toBe(`expected no object; seen: ${list} and 2 more`)
    expect(messageOf(() => expectNone('object', []))).toBe('passed')
  })

  it('of a text shortens a long one', () => {
    expect(messageOf(() => expectText('the answer', 'a', 'b'.repeat(500)))).toBe(
      `expected the answer "a"; seen: "${'b'.repeat(120)}..." (500 characters)`,
    )
  })
})
