import { describe, expect, it } from 'vitest'
import { notSavedText, savedText } from '../../../src/commands/saved-baseline.ts'

const sound = { overloaded: { overloaded: 0, of: 4 }, few: [], results: 6 }

describe('what run prints of a baseline', () => {
  it('is one line for a sound one', () => {
    expect(savedText('main', sound)).toBe('Saved as the baseline "main".\n')
  })

  it('has a warning and a fix for each doubt, with the results', () => {
    const few = ['runc', 'gvisor\x1b[2J'].map((platform) => ({ case: 'a.bench.ts#boot', platform, rounds: 2, of: 10 }))
    expect(savedText('main', { ...sound, overloaded: { overloaded: 1, of: 4 }, few })).toBe(
      `Saved as the baseline "main".
warning  other processes had most of the CPUs for 1 of its 4 results, so no regression of it can be found
         fix: stop the other processes, and measure again: isobench run --save-baseline main
warning  samples failed, so 2 of its 6 results rest on few rounds: a.bench.ts#boot on runc (2 of 10 rounds) and \
a.bench.ts#boot on gvisor\\x1b[2J (2 of 10 rounds)
         fix: correct what failed, and measure again: isobench run --save-baseline main
`,
    )
  })

  it('says why it is not saved, and how to accept the run', () => {
    expect(notSavedText('main', 'interrupted')).toBe('Not saved as the baseline "main": the run was interrupted.\n')
    expect(notSavedText('main', 'unclear')).toBe(
      `Not saved as the baseline "main": a result may have regressed against its baseline, and a later run would be \
compared with it.
  list it with --all, and measure more rounds: --rounds
  to accept what changed, run without --baseline: isobench run --save-baseline main
`,
    )
  })
})
