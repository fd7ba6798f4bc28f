/** A column of a Markdown table: its title, and its alignment if it is not the left. */
export type MarkdownColumn = string | { readonly title: string; readonly align: 'right' | 'center' }

const dividers = { left: '---', right: '--:', center: ':-:' } as const

const row = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`

/**
 * A table in GitHub's Markdown, one string per line.
 * @param rows texts that are already escaped for Markdown, as many per row as there are columns
 */
export const markdownTable = (columns: readonly MarkdownColumn[], rows: readonly (readonly string[])[]): string[] => [
  row(columns.map((column) => (typeof column === 'string' ? column : column.title))),
  row(columns.map((column) => dividers[typeof column === 'string' ? 'left' : column.align])),
  ...rows.map(row),
]
