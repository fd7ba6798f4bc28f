import { describe, expect, it, vi } from 'vitest'
import { runTimed } from '../../../src/host/timed-process.ts'
import { withBarriers } from '../../../src/tracing/barrier.ts'

/** Runs a command between barriers with the sh of the host, and returns the order of the events. */
async function run(
  argv: string[],
  input = '',
  exitCodes = [0],
  waiting: (pass: () => Promise<void>) => Promise<void> = () => Promise.resolve(),
) {
  const events: string[] = []
  const gate = withBarriers(argv, input, {
    waiting: (pass) => waiting(pass).then(() => void events.push('waited')),
    opened: () => void events.push('opened'),
    closed: () => void events.push('closed'),
  })
  const done = await runTimed(gate.argv, { timeoutMs: 20_000, label: 'gated', dialogue: gate.dialogue, exitCodes })
  return { ...done, stderr: gate.plain(done.stderr), events }
}

describe('a command between barriers', () => {
  it('runs after the first has opened, and its output is its own', async () => {
    const { stdout, stderr, events } = await run(['sh', '-c', 'echo out; echo err >&2'])
    expect({ stdout, stderr, events }).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      events: ['waited', 'opened', 'closed'],
    })
  })

  it('gets no input but its own, to the last byte', async () => {
    expect((await run(['cat'])).stdout).toBe('')
    const input = `go\n${'x'.repeat(200_000)}é`
    expect((await run(['cat'], input)).stdout).toBe(input)
  })

  it('keeps its exit code and its arguments', async () => {
    const { stdout, events } = await run(['sh', '-c', 'printf "%s|" "$@"; exit 7', 'sh', 'a b', '$c', ''], '', [7])
    expect(stdout).toBe('a b|$c||')
    expect(events).toEqual(['waited', 'opened', 'closed'])
    await expect(run(['false'])).rejects.toThrow(/exit code 1/)
  })

  it('does not begin where what it waits for failed', async () => {
    const failing = () => Promise.reject(new Error('no'))
    const { stdout, events } = await run(['echo', 'begun'], '', [1], failing)
    expect({ stdout, events }).toEqual({ stdout: '', events: [] })
  })

  it('passes its barrier as often as requested, and begins after that', async () => {
    const passed: number[] = []
    const often = async (pass: () => Promise<void>) => {
      for (let at = 0; at < 3; at++) {
        await pass()
        passed.push(at)
      }
    }
    const { stdout, stderr, events } = await run(['cat'], 'no\n', [0], often)
    expect(passed).toEqual([0, 1, 2])
    expect({ stdout, stderr, events }).toEqual({
      stdout: 'no\n',
      stderr: '',
      events: ['waited', 'opened', 'closed'],
    })
  })

  it('does not come back from its gate when its process has ended', async () => {
    let failure: unknown
    const dying = async (pass: () => Promise<void>) => {
      await pass()
      process.kill(pid, 'SIGKILL')
      await pass().catch((error: unknown) => {
        failure = error
        throw error
      })
    }
    let pid = 0
    const gate = withBarriers(['true'], '', { waiting: dying, opened: () => {}, closed: () => {} })
    const dialogue: typeof gate.dialogue = (stdin, text) => {
      const own = /^pid (\d+)$/m.exec(text)
      if (own) pid = Number(own[1])
      gate.dialogue(stdin, text)
    }
    const argv = ['sh', '-c', 'echo "pid $$" >&2; exec "$@"', 'sh', ...gate.argv] as const
    await expect(runTimed(argv, { timeoutMs: 20_000, label: 'gated', dialogue })).rejects.toThrow()
    await vi.waitFor(() => expect(String(failure)).toContain('ended before it began'))
  })

  it('finds a gate behind any amount of standard error', async () => {
    const { stderr, events } = await run(['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" e >&2'])
    expect(stderr.length).toBe(300_000)
    expect(events).toEqual(['waited', 'opened', 'closed'])
  })
})
