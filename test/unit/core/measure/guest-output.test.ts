import { describe, expect, it } from 'vitest'
import { runInGuest } from '../../../../src/core/measure/guest-api.ts'
import { showGuestOutput } from '../../../../src/core/measure/guest-output.ts'
import type { BenchData } from '../../../../src/core/model/suite.ts'

function shown(text: string): string {
  let all = ''
  showGuestOutput('stderr', 'a.bench.ts#a on runc', text, (part) => {
    all += part
  })
  return all
}

describe('what a function prints inside a guest', () => {
  it('is shown below the case and the platform', () => {
    expect(shown('one\n\ntwo\r\n')).toBe('stderr | a.bench.ts#a on runc\none\n\ntwo\n')
    expect(shown('no end')).toBe('stderr | a.bench.ts#a on runc\nno end\n')
  })

  it('is shown in ten lines, with the number of the others', () => {
    const lines = shown('again\n'.repeat(12_345)).split('\n')
    expect(lines.slice(0, -2)).toEqual(['stderr | a.bench.ts#a on runc', ...Array<string>(10).fill('again')])
    expect(lines.slice(-2)).toEqual(['... and 12,335 more lines', ''])
  })

  it('has no control characters and no commands of a CI system', () => {
    expect(shown('\x1b[31m\n::error::x\n##[group]')).toMatch(/\n\\x1b\[31m\n: :error::x\n# #\[group\]\n$/)
  })

  it('is nothing if it prints nothing', () => {
    expect([shown(''), shown('\n')]).toEqual(['', ''])
  })
})

describe('the outcome of a function inside a guest', () => {
  const run = async (print: (marker: string) => { readonly stdout: string; readonly stderr?: string }) => {
    const printed: string[] = []
    const outcome = runInGuest({ name: 'a' } as BenchData, 'bundle', {
      seconds: 1,
      exec: async ({ argv }) => ({ stderr: '', ...print(argv.at(-1)!), milliseconds: 1, firstByteMs: 1 }),
      onOutput: (stream, text) => void printed.push(`${stream} ${text}`),
    })
    return { outcome: await outcome.catch((error: Error) => error), printed }
  }

  it('is apart from what the function prints', async () => {
    const { outcome, printed } = await run((marker) => ({
      stdout: `out\n\n${marker}{"throughput":5}\n`,
      stderr: 'err\n',
    }))
    expect(outcome).toEqual({ throughput: 5 })
    expect(printed).toEqual(['stdout out\n', 'stderr err\n'])
  })

  it('is an error with its fix', async () => {
    const { outcome, printed } = await run((marker) => ({
      stdout: `before\n${marker}${JSON.stringify({ error: 'Error: broken', fix: 'do more' })}\n`,
    }))
    expect(outcome).toMatchObject({ message: 'Error: broken', fix: 'do more', code: 'ISOBENCH_IN_GUEST' })
    expect(printed[0]).toBe('stdout before')
  })

  it('is an error if the function ended the process, and what it printed is shown', async () => {
    const { outcome, printed } = await run(() => ({ stdout: 'isobench-1:{"throughput":9}\n' }))
    expect(outcome).toMatchObject({ message: 'the guest printed no outcome for "a"' })
    expect(printed[0]).toBe('stdout isobench-1:{"throughput":9}\n')
  })
})
