import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { freeAddressBlock, NetworkError } from '../../../src/host/network.ts'
import { HostCommandError, isAlive, type ProcessId, processId, runHostCommand } from '../../../src/host/process.ts'
import { CommandError, outputLimit, runTimed, type TimedOptions } from '../../../src/host/timed-process.ts'
import { temporary, until } from './children.ts'

const folder = temporary()
afterAll(folder.remove)

const sh = (code: string, options: Partial<TimedOptions> = {}) =>
  runTimed(['sh', '-c', code], { timeoutMs: 60_000, label: 'the label', ...options })

const failure = async (running: Promise<unknown>): Promise<Error> => {
  const error = await running.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  )
  expect(error).toBeInstanceOf(CommandError)
  return error
}

const pidIn = (file: string): ProcessId | undefined => {
  try {
    return processId(Number(/^(\d+)\n/.exec(readFileSync(file, 'utf8'))?.[1]))
  } catch {
    return undefined
  }
}

describe('a timed command', () => {
  it('gives its output, apart, and its time', async () => {
    const { stdout, stderr, milliseconds } = await sh('echo out; echo err >&2')
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' })
    expect(milliseconds).toBeGreaterThan(0)
  })

  it('is timed within the time that the caller waits', async () => {
    const before = performance.now()
    const { milliseconds } = await runTimed(['sleep', '0.05'], { timeoutMs: 60_000, label: 'sleep' })
    expect(milliseconds).toBeGreaterThan(0)
    expect(milliseconds).toBeLessThanOrEqual(performance.now() - before)
  })

  it('ends as interrupted if its gate never opens', async () => {
    const gate = () => Promise.reject(new Error('the run has ended'))
    await expect(runTimed(['true'], { timeoutMs: 10_000, label: 'true', gate })).rejects.toThrow(/interrupted/)
  })

  it('waits at its gate, and reports its first byte while it goes on', async () => {
    const steps: string[] = []
    const go = join(folder.path, 'go')
    const command = sh(`echo first; until [ -e ${go} ]; do sleep 0.01; done; echo last`, {
      gate: async () => void steps.push('gate'),
      onFirstByte: (milliseconds) => {
        steps.push('first byte')
        expect(milliseconds).toBeGreaterThan(0)
        writeFileSync(go, '')
      },
    })
    expect((await command).stdout).toBe('first\nlast\n')
    expect(steps).toEqual(['gate', 'first byte'])
  })

  it('gets its input, then its end; and none when none is given', async () => {
    expect((await sh('cat', { input: 'a — “b”\n' })).stdout).toBe('a — “b”\n')
    expect((await sh('cat')).stdout).toBe('')
  })

  it('may ignore its input', async () => {
    await expect(sh('exec true', { input: 'x'.repeat(1_000_000) })).resolves.toMatchObject({ stdout: '' })
  })

  it('is not given the environment of isobench, only what is passed on', async () => {
    process.env.ISOBENCH_TEST_SECRET = 'secret'
    const { stdout } = await sh('echo "[$ISOBENCH_TEST_SECRET] [$MINE] [$LC_ALL]"', { env: { MINE: 'mine' } })
    delete process.env.ISOBENCH_TEST_SECRET
    expect(stdout).toBe('[] [mine] [C]\n')
  })

  it('fails by its exit code, quoting the end of stderr, or else of stdout', async () => {
    expect((await failure(sh('echo out; echo err >&2; exit 3'))).message).toBe('the label: exit code 3: err')
    expect((await failure(sh('echo out; exit 3'))).message).toBe('the label: exit code 3: out')
    expect((await failure(sh('exit 3'))).message).toBe('the label: exit code 3')
  })

  it('succeeds by the exit codes that are expected, and only by those', async () => {
    await expect(sh('exit 3', { exitCodes: [3] })).resolves.toBeDefined()
    expect((await failure(sh('exit 0', { exitCodes: [3] }))).message).toContain('exit code 0')
  })

  it('fails by a signal', async () => {
    expect((await failure(sh('kill -TERM $$'))).message).toContain('ended by SIGTERM')
    for (const code of ['kill -KILL $$', 'exit 137']) expect((await failure(sh(code))).message).toContain('killed')
  })

  it('fails when there is no such program', async () => {
    const running = runTimed(['/no/such/program'], { timeoutMs: 60_000, label: 'the label' })
    expect((await failure(running)).message).toMatch(/the label: exit code 127: .*\/no\/such\/program: not found/)
  })

  it('is ended when it floods either output', async () => {
    for (const to of ['', ' >&2']) {
      const { message } = await failure(sh(`tr '\\0' x < /dev/zero${to}`))
      expect(message).toContain(`printed more than ${outputLimit / 1024 / 1024} MiB`)
      expect(message.length).toBeLessThan(1000)
    }
  })

  it('may print as much as the limit', async () => {
    expect((await sh(`head -c ${outputLimit} /dev/zero`)).stdout.length).toBe(outputLimit)
  })

  it('may print what is no text', async () => {
    const { stdout } = await sh("printf 'a\\377\\000\\033[31mb'")
    expect(stdout).toBe('a\ufffd\0\u001b[31mb')
    const { message } = await failure(sh("printf '\\033[31m\\377\\000' >&2; exit 1"))
    expect(message).toBe('the label: exit code 1: \\x1b[31m\ufffd\\x00')
  })

  it('puts characters together that come in two pieces', async () => {
    expect((await sh("printf '\\342\\202'; sleep 0.02; printf '\\254'")).stdout).toBe('€')
  })

  it('is ended by its time limit with all its descendants', async () => {
    const file = `${folder.path}/grandchild`
    const { message } = await failure(sh(`(sleep 60 & echo $! > ${file}; wait) & wait`, { timeoutMs: 150 }))
    expect(message).toBe('the label: timed out after 0.2 s')
    const id = pidIn(file)
    await until(() => id === undefined || !isAlive(id))
  })

  it('is ended with all its descendants by an abort', async () => {
    const file = `${folder.path}/aborted`
    const stop = new AbortController()
    const running = failure(sh(`(sleep 60 & echo $! > ${file}; wait) & wait`, { signal: stop.signal }))
    let id: ProcessId | undefined
    await until(() => {
      id = pidIn(file)
      return id !== undefined
    })
    stop.abort()
    expect((await running).message).toBe('the label: interrupted')
    await until(() => !isAlive(id!))
  })

  it('is not started after an abort', async () => {
    const file = `${folder.path}/never`
    expect((await failure(sh(`touch ${file}`, { signal: AbortSignal.abort() }))).message).toContain('before it started')
    expect(pidIn(file)).toBeUndefined()
  })

  it('ends when its process ends, although a daemon that it has started keeps its output open', async () => {
    const file = `${folder.path}/daemon`
    const started = 'echo before; echo error >&2'
    const { stdout, stderr } = await sh(
      `setsid sh -c 'echo $$ > ${file}; exec sleep 60' & ${started}; until test -s ${file}; do :; done`,
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'before\n', stderr: 'error\n' })
    process.kill(pidIn(file)!.pid, 'SIGKILL')
  })

  it('gives all of its output, although a daemon keeps it open', async () => {
    const file = `${folder.path}/daemon-2`
    const daemon = `setsid sh -c 'echo $$ > ${file}; exec sleep 60' & until test -s ${file}; do :; done`
    expect((await sh(`${daemon}; head -c 3000000 /dev/zero`)).stdout.length).toBe(3_000_000)
    process.kill(pidIn(file)!.pid, 'SIGKILL')
  })

  it('ends by its time limit even when a descendant that left its group holds the pipes', async () => {
    const file = `${folder.path}/escaped`
    const running = sh(`setsid sh -c 'echo $$ > ${file}; exec sleep 60' & wait`, { timeoutMs: 150 })
    expect((await failure(running)).message).toContain('timed out after')
    const escaped = pidIn(file)
    if (escaped) process.kill(escaped.pid, 'SIGKILL')
  })

  it('fails by a CommandError when an argument cannot be passed', async () => {
    const running = runTimed(['echo', 'a\0b'], { timeoutMs: 60_000, label: 'the label' })
    await expect(running).rejects.toBeInstanceOf(CommandError)
  })
})

describe('a command of the host', () => {
  it('gives its output, and its lines as they come', async () => {
    expect(await runHostCommand(['printf', 'a\nb\n'])).toBe('a\nb')
    const lines: string[] = []
    await runHostCommand(['sh', '-c', 'echo a; echo b >&2'], { onLine: (line) => lines.push(line) })
    expect(lines.sort()).toEqual(['a', 'b'])
  })

  it('fails with the last lines of its stderr, and what was run', async () => {
    const running = runHostCommand(['sh', '-c', 'for n in 1 2 3 4; do echo "line $n" >&2; done; exit 7'])
    await expect(running).rejects.toThrow(HostCommandError)
    await expect(running).rejects.toThrow(/failed \(exit 7\): line 1 \| … \| line 3 \| line 4$/)
  })

  it('fails when there is no such program', async () => {
    await expect(runHostCommand(['/no/such/program'])).rejects.toThrow(/\/no\/such\/program failed \(ENOENT\)/)
  })

  it('succeeds by the exit codes that are expected', async () => {
    await expect(runHostCommand(['sh', '-c', 'exit 4'], { exitCodes: [0, 4] })).resolves.toBe('')
  })

  it('is ended by its time limit with all its descendants', async () => {
    const file = `${folder.path}/host`
    const running = runHostCommand(['sh', '-c', `sleep 60 & echo $! > ${file}; wait`], { timeout: 0.15 })
    await expect(running).rejects.toThrow(HostCommandError)
    const id = pidIn(file)
    await until(() => id === undefined || !isAlive(id))
  })

  it('is ended by an abort, which is not a failure of the command', async () => {
    const stop = new AbortController()
    const running = runHostCommand(['sleep', '60'], {
      signal: stop.signal,
      onStart: () => setImmediate(() => stop.abort()),
    })
    await expect(running).rejects.toMatchObject({ code: 'ISOBENCH_INTERRUPTED' })
  })

  it('is interrupted, by our own error, when the abort came before it started', async () => {
    const running = runHostCommand(['true'], { signal: AbortSignal.abort() })
    await expect(running).rejects.toMatchObject({ code: 'ISOBENCH_INTERRUPTED' })
  })
})

describe('the block of addresses for the guests', () => {
  const route = (text: string) => {
    const [address, bits] = text.split('/') as [string, string]
    const to = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
    return { to, mask: 2 ** 32 - 2 ** (32 - Number(bits)) }
  }
  const free = (...routes: string[]) => freeAddressBlock(routes.map(route))

  it.each([
    [[], '198.18'],
    [['0.0.0.0/0', '172.17.0.0/16'], '198.18'],
    [['198.18.0.0/16'], '198.19'],
    [['198.18.3.0/24'], '198.19'],
    [['198.18.255.255/32'], '198.19'],
    [['198.19.0.0/16'], '198.18'],
    [['198.18.0.0/15'], '10.191'],
    [['198.0.0.0/8'], '10.191'],
    [['198.18.0.0/15', '10.191.7.0/24', '10.190.0.0/16'], '10.189'],
    [['198.18.0.0/15', '10.160.0.0/11'], '10.159'],
  ])('with routes to %j is %s', (routes, block) => {
    expect(free(...routes)).toBe(block)
  })

  it('is refused when everything is taken', () => {
    expect(() => free('198.18.0.0/15', '10.0.0.0/8')).toThrow(NetworkError)
  })

  it('does not collide with a route of this host', () => {
    expect(freeAddressBlock()).toMatch(/^(198\.1[89]|10\.\d+)$/)
  })

  it('is free beside the two halves that a VPN routes everything by', () => {
    expect(free('0.0.0.0/1', '128.0.0.0/1')).toBe('198.18')
  })
})
