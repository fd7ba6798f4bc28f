import { resolve } from 'node:path'
import * as z from 'zod'
import {
  functionWeights,
  parseCveLocations,
  parseScores,
  parseSources,
  readText,
  saveWeights,
  WeightsError,
} from '../core/attack-profile/weights.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { loadProject } from '../core/project/config.ts'
import { median } from '../core/stats/index.ts'
import { UsageError } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, number, type OptionTable, pickOptions } from './options.ts'

const epssOptions = {
  map: {
    value: '<file>',
    group: 'Input',
    description: 'CSV with the columns cve,function,file: the kernel function or file of each CVE',
    example: '--map cves.csv',
    schema: z.string().optional(),
    completion: 'file',
  },
  sources: {
    value: '<file>',
    group: 'Input',
    description: 'CSV with the columns function,file, for the rows of the map that name a file',
    example: '--sources functions.csv',
    schema: z.string().optional(),
    completion: 'file',
  },
  defaultWeight: {
    value: '<weight>',
    group: 'Input',
    description: 'weight of functions without data, from 0 to 1 (default: the median score)',
    example: '--default-weight 0.001',
    schema: number((value) => value >= 0 && value <= 1, 'from 0 to 1').optional(),
  },
  ...pickOptions('config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Imports EPSS scores of CVEs (a CSV file of FIRST, also gzipped) as weights of kernel functions. ' +
    'Later runs add weighted scores to attack profiles.',
  arguments: [
    { name: 'verb', description: 'import', required: true, choices: ['import'] },
    { name: 'file', description: 'the scores of one day', required: true, completion: 'file' },
  ],
  options: epssOptions,
  examples: [{ line: 'epss import epss_scores.csv.gz --map cves.csv', description: 'import the scores of one day' }],
  run: ([, file], options, io) => importScores(file!, options, io),
})

async function importScores(file: string, options: CheckedOptions<typeof epssOptions>, io: CommandIo): Promise<number> {
  if (options.map === undefined)
    throw new UsageError(
      'isobench epss: the option --map is missing. The map names the kernel functions of each CVE.',
      'write a CSV file with the columns cve,function,file and pass it: --map cves.csv',
    )
  const read = (name: string) => readText(resolve(io.cwd, name))
  const project = await loadProject(io.cwd, options.config)
  const [scoresText, mapText] = [read(file), read(options.map)]
  const sourcesText = options.sources === undefined ? undefined : read(options.sources)
  const { model, date, byCve } = parseScores(scoresText)
  if (byCve.size === 0)
    throw new WeightsError(
      `${scoresText.file} has no CVE scores.`,
      'download the CSV file of one day from FIRST (first.org/epss).',
    )
  const locations = parseCveLocations(mapText)
  const files = sourcesText ? parseSources(sourcesText) : new Map<string, string[]>()
  const byFunction = functionWeights(byCve, locations, files)
  const fallback = options.defaultWeight ?? median([...byCve.values()])
  const source = {
    model,
    date,
    scores: scoresText.digest,
    map: mapText.digest,
    sources: sourcesText?.digest ?? null,
    fallback,
  }
  const saved = saveWeights(project.root, { source, byFunction })
  const unscored = locations.filter(({ cve }) => !byCve.has(cve)).length
  const unplaced = locations.filter(({ file: at, function: name }) => name === undefined && !files.has(at ?? '')).length
  const when = date ? sanitize(date, 40) : 'an unknown date'
  const which = model ? sanitize(model, 40) : 'unknown'
  const hint = sourcesText || unplaced === 0 ? '' : ' (pass --sources)'
  const origin = options.defaultWeight === undefined ? ' (the median score of the file)' : ''
  io.out.write(
    [
      `${byCve.size} scores of ${when}, model ${which}, sha256 ${scoresText.digest.slice(0, 16)}…`,
      `${locations.length} rows of the map: ${unscored} without a score, ${unplaced} without functions${hint}`,
      `${byFunction.size} functions have a weight; the others have ${Number(fallback.toPrecision(3))}${origin}`,
      `Saved in ${saved}. Later runs add weighted scores to the call counts.`,
      '',
    ].join('\n'),
  )
  return byFunction.size > 0 ? exitCodes.clean : exitCodes.nothing
}
