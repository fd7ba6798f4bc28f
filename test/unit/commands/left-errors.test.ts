import { beforeEach, describe, expect, it, vi } from 'vitest'

/** Standard error. */
function stderr() {
  const written: string[] = []
  return { written, stream: { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream }
}

describe('an error that code of the project leaves behind', () => {
  let errors: typeof import('../../../src/commands/left-errors.ts')
  beforeEach(async () => {
    vi.resetModules()
    errors = await import('../../../src/commands/left-errors.ts')
  })

  it.each([
    [0, 5],
    [3, 5],
    [4, 5],
    [5, 5],
    [1, 1],
    [130, 130],
  ])('makes %d of the command %d of the process, before and after its end', (code, final) => {
    expect(errors.finalExitCode(code)).toBe(code)
    const stated = code === final ? [] : ['exit code 5: code of the project left an error that no code handles\n']
    const { written, stream } = stderr()
    errors.printLeftError(new Error('left'), stream)
    expect([errors.finalExitCode(code), written.length]).toEqual([final, 1])
    errors.stateExitCode(code, stream)
    errors.printLeftError(new Error('again'), stream)
    expect(written.slice(1, -1)).toEqual(stated)
    expect(written.at(-1)).toContain('again')
  })

  it('is followed by the code if the command has ended', () => {
    const { written, stream } = stderr()
    errors.stateExitCode(0, stream)
    expect(written).toEqual([])
    errors.printLeftError(new Error('left'), stream)
    expect(written).toEqual([
      expect.stringContaining('left'),
      'exit code 5: code of the project left an error that no code handles\n',
    ])
  })
})
