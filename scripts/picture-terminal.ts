// Writes docs/images/terminal.svg, the terminal output for one bench of a stored run:
// node scripts/run-script.mjs picture-terminal [RECORD]
import { mkdirSync, writeFileSync } from 'node:fs'
import { buildReport } from '../src/core/judge/report.ts'
import type { RunRecord } from '../src/core/model/record.ts'
import { type Html, html, lines } from '../src/reporters/html/tag.ts'
import { defaultReporter } from '../src/reporters/terminal/reporter.ts'
import { widthOf } from '../src/util/text.ts'
import { pictureRecord } from './picture-record.ts'

const command = '$ npx isobench run prime --platform native,runc,gvisor'
const columns = 96
/** In pixels. Every piece of text gets its width, so that columns align with any monospace font. */
const [charWidth, lineHeight, padding] = [8.4, 19, 18]

function outputOf(record: RunRecord): string {
  const written: string[] = []
  const out = { isTTY: false, columns, write: (text: string) => void written.push(text) }
  const report = buildReport(record, { strict: false })
  void defaultReporter
    .create({ out, root: '/project', color: true, former: () => null })
    .onStoredRuns?.([{ report, plan: record.plan }])
  return written.join('')
}

/** The CSS class that each SGR code switches on. */
const classOf: Record<string, string> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow', 36: 'cyan' }
/** The CSS classes that each SGR code switches off. */
const classesEndedBy: Record<string, readonly string[]> = {
  0: Object.values(classOf),
  22: ['bold', 'dim'],
  39: ['red', 'green', 'yellow', 'cyan'],
}

/** One line of the terminal: a text element for each piece between wide gaps. */
function lineHtml(line: string, y: number): Html[] {
  const active = new Set<string>()
  const pieces: Html[] = []
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what it splits at
  for (const part of line.split(/(\u001b\[\d+m|\s{2,})/)) {
    const code = part.startsWith('\u001b') ? part.slice(2, -1) : undefined
    if (code !== undefined) {
      for (const className of classesEndedBy[code] ?? []) active.delete(className)
      if (classOf[code] !== undefined) active.add(classOf[code])
      continue
    }
    const text = part.trim()
    if (text !== '') {
      const x = padding + (column + part.indexOf(text[0]!)) * charWidth
      const width = (widthOf(text) * charWidth).toFixed(1)
      const className = active.size > 0 && html` class="${[...active].join(' ')}"`
      pieces.push(html`<text x="${x.toFixed(1)}" y="${y}" textLength="${width}"${className}>${text}</text>`)
    }
    column += widthOf(part)
  }
  return pieces
}

const style = html`
svg { color-scheme: light dark; --text: #1d2127; --muted: #5a6472; --back: #f6f7f9; --line: #dfe3e8; --red: #b92626;
  --green: #17703c; --yellow: #855700; --cyan: #00707f }
@media (prefers-color-scheme: dark) { svg { --text: #e4e7ec; --muted: #a3adbb; --back: #14171c; --line: #333a45;
  --red: #ff7b72; --green: #57c785; --yellow: #e3b341; --cyan: #5ac8d8 } }
rect { fill: var(--back); stroke: var(--line) }
text { fill: var(--text); font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
.dim { fill: var(--muted) } .bold { font-weight: 700 } .red { fill: var(--red) } .green { fill: var(--green) }
.yellow { fill: var(--yellow) } .cyan { fill: var(--cyan) }
`

function picture(text: string): Html {
  const rows = [command, ...text.trimEnd().split('\n')]
  const width = Math.ceil(columns * charWidth + 2 * padding)
  const height = rows.length * lineHeight + 2 * padding
  const view = `0 0 ${width} ${height}`
  const elements = rows.map((row, index) => lineHtml(row, padding + 14 + index * lineHeight))
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="${view}" width="${width}" height="${height}">
<title>Terminal output of ${command.slice(2)}</title>
<style>${style}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${lines(...elements)}
</svg>
`
}

mkdirSync('docs/images', { recursive: true })
writeFileSync('docs/images/terminal.svg', picture(outputOf(pictureRecord(process.argv[3]))).toString())
