/** The page about CI agrees with the repository. `test/e2e/docs.test.ts` checks all other code blocks. */

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { exitCodes } from '../../../src/core/judge/exit-code.ts'
import { codeBlocks } from '../../support/code-blocks.ts'

const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
const page = 'docs/how-to/ci.md'

it('docs/how-to/ci.md shows the workflow of the repository', () => {
  const file = '.github/workflows/isobench.yml'
  const shown = codeBlocks(page, read(page)).filter(({ attributes }) => attributes.file === file)
  expect(shown.map(({ text }) => text)).toEqual([read(file)])
})

it('docs/how-to/ci.md lists every exit code', () => {
  const listed = [...read(page).matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  expect(listed).toEqual(Object.values(exitCodes))
})
