// Writes docs/images/report.png, the charts and the table of one bench in the html report of a stored run:
// node scripts/run-script.mjs picture-report [RECORD]
// It needs Debian's chromium.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'
import { buildReport } from '../src/core/judge/report.ts'
import { htmlReporter } from '../src/reporters/html/reporter.ts'
import { pictureRecord } from './picture-record.ts'

const picture = resolve('docs/images/report.png')
/** Pixels. */
const width = 1040

/** Shows only the section of the bench, and writes its height into the title. */
const additions = `<style>main > :not(section) { display: none } section { content-visibility: visible }</style>
<script>addEventListener('load', () => {
  const { top, bottom } = document.querySelector('section').getBoundingClientRect()
  document.title = Math.ceil(bottom + top)
})</script>
</head>`

async function pageOf(file: string | undefined): Promise<string> {
  const written: string[] = []
  const out = { isTTY: false, columns: 100, write: (text: string) => void written.push(text) }
  const report = buildReport(pictureRecord(file), { strict: false })
  await htmlReporter.create({ out, root: '/project', color: false }).onFinish?.(report)
  // The page forbids scripts.
  const page = written.join('').replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
  return page.replace('</head>', () => additions)
}

const folder = mkdtempSync(join(tmpdir(), 'isobench-picture-'))
try {
  const page = join(folder, 'report.html')
  writeFileSync(page, await pageOf(process.argv[3]))
  const chromium = async (height: number, ...options: string[]): Promise<string> => {
    const common = ['--headless=new', '--no-sandbox', '--hide-scrollbars', `--user-data-dir=${join(folder, 'profile')}`]
    const args = [...common, `--window-size=${width},${height}`, ...options, pathToFileURL(page).href]
    return (await execa('chromium', args)).stdout
  }
  const height = Number(/<title>(\d+)</.exec(await chromium(500, '--dump-dom'))?.[1])
  mkdirSync('docs/images', { recursive: true })
  await chromium(height, `--screenshot=${picture}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
