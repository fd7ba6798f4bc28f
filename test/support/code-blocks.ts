/** A fenced code block of a Markdown page. */
export interface CodeBlock {
  readonly page: string
  /** The line of the block's first line of text, from 1. */
  readonly line: number
  readonly language: string
  /** The words after the language: `exit=1` is `{ exit: '1' }`, and `no-run` is `{ 'no-run': '' }`. */
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
}

/**
 * Returns the code blocks of a Markdown page, in page order.
 * @throws {Error} if a block is not closed
 */
export function codeBlocks(page: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { fence: string; indent: number; block: CodeBlock; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent, fence, info] = /^( *)(`{3,})([^`]*)$/.exec(line) ?? []
    if (!open && fence !== undefined) {
      const [language = '', ...words] = info!.trim().split(/\s+/)
      const attributes = Object.fromEntries(words.map((word) => [word.split('=', 1)[0]!, word.split(/=(.*)/)[1] ?? '']))
      const block = { page, line: index + 2, language, attributes, text: '' }
      open = { fence, indent: indent!.length, block, lines: [] }
    } else if (open && line.trim() === open.fence) {
      blocks.push({ ...open.block, text: open.lines.map((text) => `${text}\n`).join('') })
      open = undefined
    } else open?.lines.push(line.slice(Math.min(open.indent, line.search(/\S|$/))))
  }
  if (open) throw new Error(`${page}:${open.block.line - 1}: this code block is not closed`)
  return blocks
}

/** The path of a TypeScript block, which its first line states as a comment: `// benches/boot.bench.ts`. */
export const statedPath = ({ text }: CodeBlock): string | undefined => /^\/\/ ([\w./-]+\.ts)\n/.exec(text)?.[1]
