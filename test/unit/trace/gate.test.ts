import { describe, expect, it } from 'vitest'
import { timed } from '../../../src/guest/stopwatch.ts'
import { gated } from '../../../src/guest/trace/gate.ts'

/** Runs a command between gates with the host's own sh, and tells in which order things happened. */
async function run(argv: string[], input = '', exitCodes = [0], waiting = () => Promise.resolve()) {
  const events: string[] = []
  const gate = gated(argv, input, {
    waiting: () => waiting().then(() => void events.push('waited')),
    opened: () => void events.push('opened'),
    closed: () => void events.push('closed'),
  })
  const done = await timed(gate.argv, { timeoutMs: 20_000, label: 'gated', dialogue: gate.dialogue, exitCodes })
  return { ...done, stderr: gate.plain(done.stderr), events }
}

describe('a command between gates', () => {
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

  it('finds a gate behind any amount of standard error', async () => {
    const { stderr, events } = await run(['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" e >&2'])
    expect(stderr.length).toBe(300_000)
    expect(events).toEqual(['waited', 'opened', 'closed'])
  })
})
