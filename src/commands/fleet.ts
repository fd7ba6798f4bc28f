import { resolve } from 'node:path'
import * as z from 'zod'
import type { Fleet } from '../core/model/fleet.ts'
import { compareKinds, judgeKind, latestStatements } from '../core/records/fleet.ts'
import { chooseByHost } from '../core/records/merge.ts'
import { headOf, type RecordSurvey } from '../core/records/record-survey.ts'
import type { LeftOut } from '../core/records/shard-coverage.ts'
import { writeReportFile } from '../reporters/document.ts'
import { fleetText } from '../reporters/fleet.ts'
import { leftOutText } from '../reporters/fleet-words.ts'
import { createColors } from '../reporters/terminal/table.ts'
import { UsageError } from '../util/errors.ts'
import { listText } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type OptionTable, pickOptions, sharedOptions } from './options.ts'
import { checkOutput } from './output-path.ts'
import { recordFiles, surveyFiles } from './record-files.ts'

const fleetOptions = {
  strict: {
    ...sharedOptions.strict,
    description: 'exit with code 3 if a verdict is inconclusive on a host, or a record is left out',
  },
  ...pickOptions('strictFindings'),
  html: {
    value: '<file>',
    group: 'Output',
    description: 'write the comparison as one page for a browser',
    example: '--html fleet.html',
    schema: z.string().min(1, 'the value is empty.').optional(),
    completion: 'file',
  },
  json: sharedOptions.json,
  all: { ...sharedOptions.all, description: 'list every host, expectation and ratio' },
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Compares the verdicts of unlike hosts: on how many each finding holds, what the dissenting hosts have in ' +
    'common, and how much each ratio differs between hosts. It merges the records of equal hosts and pools no ' +
    'others. The exit code is the most serious one of the hosts.',
  arguments: [
    {
      name: 'records',
      description: 'run records, folders of them, or globs',
      required: true,
      variadic: true,
      completion: 'file',
    },
  ],
  options: fleetOptions,
  examples: [
    { line: 'fleet results/', description: 'all records below a folder' },
    { line: 'fleet a.jsonl b.jsonl c.jsonl --html fleet.html', description: 'three hosts, as a page' },
  ],
  run: (paths, options, io) => compareFleet(paths, options, io),
})

async function compareFleet(
  paths: readonly string[],
  options: CheckedOptions<typeof fleetOptions>,
  io: CommandIo,
): Promise<number> {
  const { html, json, strict, all } = options
  const leftOut: Fleet['leftOut'] = []
  const files = recordFiles(io.cwd, paths).map((one) => ({ ...one, file: resolve(io.cwd, one.file) }))
  const inputs = files.map(({ file }) => ({ what: 'a run record', file }))
  const output = html === undefined ? undefined : { option: `--html ${html}`, given: html, path: resolve(io.cwd, html) }
  if (output) await checkOutput(output, { root: io.cwd }, inputs)
  const surveys = surveyFiles(files, io, (file, why) => void leftOut.push({ file, why }))
  const { kinds: records, left } = chooseByHost(surveys)
  for (const { file, why, instead } of left) leftOut.push({ file, why: leftOutReasons[why](instead.file) })
  const statements = latestStatements(headsOf(records.flat()))
  // The samples of one kind are in memory at a time.
  const kinds = records.map((kind) => {
    const judged = judgeKind(kind, statements, options)
    leftOut.push(...judged.leftOut)
    return judged
  })
  if (kinds.length === 0)
    throw new UsageError(
      `no run record in ${paths.join(', ')} can be read: ${listText(leftOut.map(leftOutText), 3)}`,
      'copy the records of .isobench/runs again from their hosts, or name others',
    )
  const fleet = compareKinds(kinds, leftOut, strict)
  if (output) {
    const { fleetPage } = await import('../reporters/html/fleet.ts')
    writeReportFile(output.path, fleetPage(fleet))
  }
  if (json) io.out.write(`${JSON.stringify(fleet)}\n`)
  else
    io.out.write(
      fleetText(fleet, { width: Math.max(40, Math.min(io.out.columns ?? 100, 120)), all, ink: createColors(io) }),
    )
  return fleet.exit.code
}

const leftOutReasons: Record<LeftOut['why'], (instead: string) => string> = {
  copy: (instead) => `it is the same run as ${instead}`,
  retry: (instead) => `${instead} is of the same shard`,
  merged: (instead) => `${instead} has the same shards`,
  repeated: (instead) => `${instead} has its samples`,
}

/** Plans are large: one is in memory at a time. */
function* headsOf(surveys: readonly RecordSurvey[]) {
  for (const survey of surveys) yield headOf(survey)
}
