import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import { describeExitCode, exitCodeList } from '../../../src/core/judge/exit-code.ts'

/** The rows of each table with numbers in a column "code" or "exit code". Reasons have codes too, which are words. */
function exitCodeTables(page: string): string[][][] {
  const tables: string[][][] = []
  let rows: string[][] | undefined
  for (const line of page.split('\n')) {
    const texts = line.startsWith('|') ? line.split('|').map((text) => text.replaceAll('`', '').trim()) : undefined
    if (!texts) rows = undefined
    else if (texts[1] === 'code' || texts[1] === 'exit code') {
      rows = []
      tables.push(rows)
    } else if (rows && /^\d+$/.test(texts[1]!)) rows.push([texts[1]!, texts[2]!])
  }
  return tables.filter((one) => one.length > 0)
}

const pages = ['README.md', ...globSync('docs/**/*.md')].flatMap((file) =>
  exitCodeTables(readFileSync(file, 'utf8')).map((rows) => ({ file, rows })),
)
const expected = exitCodeList.map(({ code, description }) => [String(code), description])

describe('the exit codes in the docs', () => {
  it('are in these pages', () => {
    expect(pages.map(({ file }) => file).sort()).toEqual([
      'README.md',
      'docs/how-to/ci.md',
      'docs/reference/cli.md',
      'docs/reference/json-report.md',
    ])
  })

  it.each(pages)('are those of isobench in $file, in its words', ({ rows }) => {
    expect(rows).toEqual(expected)
  })

  it('name only codes that exist', () => {
    const texts = ['README.md', ...globSync(['docs/**/*.md', 'src/commands/*.ts'])].map((file) => ({
      file,
      text: readFileSync(file, 'utf8'),
    }))
    const named = texts.flatMap(({ file, text }) =>
      [...text.matchAll(/\bexits? with (?:code )?(\d+)|\bexit code (?:is )?(\d+)/gi)].map((match) => ({
        file,
        code: Number(match[1] ?? match[2]),
      })),
    )
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(({ code }) => describeExitCode(code) === 'unknown')).toEqual([])
  })
})
