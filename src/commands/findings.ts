import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { buildReport, changedFindings, withFindings } from '../core/judge/report.ts'
import type { Report } from '../core/model/report.ts'
import { chooseFindings } from '../core/project/apply-findings.ts'
import { hasRecord } from '../core/records/record-file.ts'
import type { FindingId } from '../dsl/finding-id.ts'
import { explain, findingsMarkdown, findingsTable } from '../reporters/findings.ts'
import { inputWord } from '../reporters/headline/next-steps.ts'
import { statedFindings } from '../reporters/stated-findings.ts'
import { createColors } from '../reporters/terminal/table.ts'
import { plural } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { problemText } from './errors.ts'
import { type CheckedOptions, type OptionTable, pickOptions } from './options.ts'
import { loadSuite, openRecord, recordFile } from './setup.ts'

const findingsOptions = {
  ...pickOptions('record', 'paper'),
  explain: {
    group: 'Output',
    description: 'print the claims, their samples and the reasoning in words',
    example: '--explain | less',
    schema: z.boolean().default(false),
    excludes: ['markdown', 'json'],
  },
  all: {
    group: 'Output',
    description: 'print also the findings that hold or cannot be judged',
    example: '--all | less',
    schema: z.boolean().default(false),
    excludes: ['explain', 'markdown', 'json'],
  },
  markdown: {
    group: 'Output',
    description: 'print a Markdown table',
    example: '--markdown > findings.md',
    schema: z.boolean().default(false),
    excludes: ['json'],
  },
  ...pickOptions('json', 'strict', 'strictFindings', 'require', 'config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Judges the findings, as the bench files state them now, against a stored run. Prints those that moved or are in ' +
    'doubt. Without any run, it prints what they state, where, and how the words became claims.',
  arguments: [{ name: 'numbers', description: 'finding numbers, or labels such as A2 (default: all)', variadic: true }],
  options: findingsOptions,
  examples: [
    { line: 'findings', description: 'what the latest run says about the findings' },
    { line: 'findings --paper', description: "the paper's own numbers, part by part" },
    { line: 'findings 3 A2 --explain', description: 'why two findings have their verdict' },
  ],
  run: showFindings,
})

/**
 * The findings as the bench files state them now, judged over a stored record. Ends with the exit code that they make.
 */
async function showFindings(
  asked: readonly string[],
  options: CheckedOptions<typeof findingsOptions>,
  io: CommandIo,
): Promise<number> {
  const { record: named, explain: explained, markdown, all } = options
  const whole = await loadSuite(io.cwd, options.config)
  const { project, suite } = whole
  for (const problem of suite.problems) io.err.write(problemText(problem, project.root))
  const chosen = chooseFindings(asked, suite.findings)
  const width = Math.max(40, Math.min(io.out.columns ?? 80, 100))
  const view = { width, ink: createColors(io), root: project.root }
  // What is stated is neither a verdict nor machine-readable. An option that asks for those fails without a record.
  const { paper, json, strict, strictFindings, require } = options
  const needsRecord = paper || json || markdown || strict || strictFindings || require !== undefined
  if (named === undefined && !needsRecord && !hasRecord(project.root)) {
    io.out.write(`${[...statedFindings(chosen, suite.benches, view), statedNote(chosen)].join('\n')}\n`)
    return exitCodes.clean
  }
  const file = recordFile(project.root, named, options.paper, io)
  const record = await openRecord(file, async () => whole, io)
  const shown = chosen.map(({ id }) => id)
  const changed = options.paper ? [] : changedFindings(record, suite).filter((id) => shown.includes(id))
  if (changed.length > 0) io.err.write(`${changedNote(changed)}\n`)
  const report = buildReport(withFindings(record, suite), { ...options, shown })
  if (options.json) io.out.write(`${JSON.stringify(toJson(report), null, 1)}\n`)
  else if (markdown) io.out.write(findingsMarkdown(report))
  else if (explained) {
    for (const finding of report.findings) io.out.write(`${explain(report, finding, view).join('\n')}\n`)
  } else {
    const from = options.paper ? ' --paper' : named === undefined ? '' : ` --record ${inputWord(named)}`
    const table = findingsTable(report, view, { all: all || asked.length > 0, command: `isobench findings${from}` })
    io.out.write(`${table.join('\n')}\n`)
  }
  return report.exit.code
}

/** Why `judge` of the same record can have another verdict. */
const changedNote = (ids: readonly FindingId[]): string =>
  `${plural(ids.length, 'finding')} changed since the run: ${ids.join(', ')}. ` +
  "This is the verdict on today's bench files."

/** What follows the findings of a project without a run. */
const statedNote = (chosen: readonly unknown[]): string =>
  chosen.length === 0
    ? 'This project states no findings. State one in a bench file: finding(101, title, [expect(...)])'
    : 'No run is stored yet. Measure what decides them: isobench run --findings'

const toJson = ({
  schemaVersion,
  record,
  status,
  environment,
  profile,
  platforms,
  claims,
  findings,
  exit,
}: Report) => ({
  schemaVersion,
  record,
  status,
  environment,
  profile,
  platforms,
  findings: findings.map(({ claims: indices, parts, misprint, decisiveClaim, ...finding }) => ({
    ...finding,
    decisiveClaim: decisiveClaim === null ? null : claims[decisiveClaim]!,
    parts: parts.map(({ claims: own, decisiveClaim: decisive, ...part }) => ({
      ...part,
      decisiveClaim: decisive === null ? null : claims[decisive]!,
      claims: own.map((index) => claims[index]!),
    })),
    claims: indices.map((index) => claims[index]!),
    misprint: misprint && { ...misprint, claims: misprint.claims.map((index) => claims[index]!) },
  })),
  exit,
})
