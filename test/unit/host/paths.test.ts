import { afterEach, describe, expect, it, vi } from 'vitest'
import { stateFolder } from '../../../src/host/paths.ts'

afterEach(() => vi.unstubAllEnvs())

describe('ISOBENCH_STATE', () => {
  it.each([',', '"', '\\', '[', '%', ' ', '\t', 'é'])(
    'refuses a folder with %j, and names the variable',
    (character) => {
      const folder = `/srv/a${character}b`
      vi.stubEnv('ISOBENCH_STATE', folder)
      expect(stateFolder).toThrow(
        expect.objectContaining({
          code: 'ISOBENCH_USAGE',
          message:
            `the variable ISOBENCH_STATE is "${folder}", which has ${JSON.stringify(character)}: ` +
            'some platforms cannot use it.',
          fix: expect.stringMatching(/^name a folder of ASCII characters, /),
        }),
      )
    },
  )

  it.each(["/srv/a#'=$;(){}*?]!&|~@+<>^`b", `/srv/${'x'.repeat(200)}`])('accepts %s', (folder) => {
    vi.stubEnv('ISOBENCH_STATE', folder)
    expect(stateFolder()).toBe(folder)
  })
})
