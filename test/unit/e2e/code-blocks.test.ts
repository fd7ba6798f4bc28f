import { expect, it } from 'vitest'
import { codeBlocks, statedPath } from '../../support/code-blocks.ts'

const fence = '```'

it('finds the blocks of a page with their lines, languages and attributes', () => {
  const page = `# A page

${fence}sh needs=root,network exit=1
isobench run
${fence}

1. An item:

   ${fence}ts
   // a/b.ts
   if (x) {
     y()
   }
   ${fence}

${fence}sh no-run
${fence}
`
  expect(codeBlocks('a.md', page)).toEqual([
    { page: 'a.md', line: 4, language: 'sh', attributes: { needs: 'root,network', exit: '1' }, text: 'isobench run\n' },
    { page: 'a.md', line: 10, language: 'ts', attributes: {}, text: '// a/b.ts\nif (x) {\n  y()\n}\n' },
    { page: 'a.md', line: 17, language: 'sh', attributes: { 'no-run': '' }, text: '' },
  ])
})

it('reads the path of a block from its first line', () => {
  const [block] = codeBlocks('a.md', `${fence}ts\n// benches/a.bench.ts\nx()\n${fence}\n`)
  expect(statedPath(block!)).toBe('benches/a.bench.ts')
  expect(statedPath({ ...block!, text: '// Reads a.ts\n' })).toBeUndefined()
})

it('leaves a fence inside a longer fence alone', () => {
  const [block, ...others] = codeBlocks('a.md', `${fence}\`text\n${fence}sh\n${fence}\n${fence}\`\n`)
  expect(block!.text).toBe('```sh\n```\n')
  expect(others).toEqual([])
})

it('rejects a block that is not closed', () => {
  expect(() => codeBlocks('a.md', `text\n${fence}sh\n`)).toThrow('a.md:2: this code block is not closed')
})
