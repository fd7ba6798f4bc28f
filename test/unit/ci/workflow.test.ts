/** The workflow stands once in the repository and once in the documents, and says the same in both. */

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { exitCodes } from '../../../src/core/judge/exit-code.ts'

const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
const docs = read('docs/how-to/ci.md')

it('docs/how-to/ci.md shows the workflow that the repository has', () => {
  const [, shown] = /```yaml[^\n]*\n(name: isobench\n[\s\S]*?)```/.exec(docs) ?? []
  expect(shown).toBe(read('.github/workflows/isobench.yml'))
})

it('docs/how-to/ci.md tells every exit code', () => {
  const told = [...docs.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  expect(told).toEqual(Object.values(exitCodes))
})
