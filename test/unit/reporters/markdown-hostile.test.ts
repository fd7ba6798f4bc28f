/** Hostile text anywhere in a report never creates markup in Markdown. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/core/model/report.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { contextOf, hostile, Memory } from './fixture.ts'
import { hostileText, withAddition } from './hostile-report.ts'

async function written(name: string, report: Report): Promise<string> {
  const out = new Memory()
  await reporters[name]!.create(contextOf(out)).onFinish?.(report)
  return out.text
}

/** The markup of each line: what CommonMark and GitHub would read as more than text. */
const structureOf = (text: string): string[] =>
  text.split('\n').map((line) =>
    line
      .replace(/(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)/g, 'C')
      .replace(/\\[\\`*_{}[\]#!|~$]/g, '')
      .replace(/&(?:amp|lt|gt);/g, '')
      .replace(/[@#]\u200b/g, '')
      .replace(/[^\\`*_{}[\]#!|~$&<>@C]/g, ''),
  )

const others = [hostile, '`` ` ```', '|a|b|', '[x](https://x)', '![x](y)', '@user #1', '- a', '1. a', '> a', '# a']
const anyText = fc.oneof(hostileText, fc.constantFrom(...others))

describe('hostile text in every field of a report', () => {
  it('adds no markup to a document', async () => {
    const benign = structureOf(await written('markdown', withAddition('')))
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        expect(structureOf(await written('markdown', withAddition(text)))).toEqual(benign)
      }),
      { numRuns: 30 },
    )
  }, 60_000)

  it('adds none to a comment, which shows less if its texts are longer', async () => {
    const lengths = [0, 5, 10, 15, 20, 30, 40, 80, 160, 320]
    const texts = await Promise.all(lengths.map((length) => written('pr', withAddition('y'.repeat(length)))))
    const known = new Set(texts.flatMap(structureOf))
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const lines = structureOf(await written('pr', withAddition(text)))
        // The last line may be cut.
        expect(lines.slice(0, -2).filter((line) => !known.has(line))).toEqual([])
      }),
      { numRuns: 30 },
    )
  }, 60_000)
})
