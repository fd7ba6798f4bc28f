import { resolve } from 'node:path'
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
import { sanitizeLine, UsageError } from '../util/errors.ts'
import type { CommandHandler } from './command.ts'
import { checkOptions } from './options.ts'

export const run: CommandHandler = async ([verb, file], given, io) => {
  const options = checkOptions(given)
  if (verb !== 'import' || file === undefined)
    throw new UsageError(
      'isobench epss does one thing: import FILE',
      'isobench epss import epss_scores.csv.gz --map map.csv',
    )
  if (options.map === undefined)
    throw new UsageError(
      'EPSS scores CVEs, and nothing says which functions of the kernel they are in',
      'give a CSV of cve,function,file: --map map.csv; docs/attack-profile.md says how',
    )
  const read = (name: string) => readText(resolve(io.cwd, name))
  const project = await loadProject(io.cwd, options.config)
  const [scoresText, mapText] = [read(file), read(options.map)]
  const sourcesText = options.sources === undefined ? undefined : read(options.sources)
  const { model, date, byCve } = parseScores(scoresText)
  if (byCve.size === 0)
    throw new WeightsError(`${scoresText.file} scores no CVE`, 'import the file of one day from FIRST')
  const places = parseCveLocations(mapText)
  const files = sourcesText ? parseSources(sourcesText) : new Map<string, string[]>()
  const byFunction = functionWeights(byCve, places, files)
  const fallback = options.defaultWeight ?? median([...byCve.values()])
  const source = {
    model,
    date,
    scores: scoresText.digest,
    map: mapText.digest,
    sources: sourcesText?.digest ?? null,
    fallback,
  }
  const kept = saveWeights(project.root, { source, byFunction })
  const unscored = places.filter(({ cve }) => !byCve.has(cve)).length
  const unplaced = places.filter(({ file: at, function: name }) => name === undefined && !files.has(at ?? '')).length
  io.out.write(
    [
      `${byCve.size} scores of ${date ? sanitizeLine(date, 40) : 'an unknown date'}, model ${model ? sanitizeLine(model, 40) : 'unknown'}, sha256 ${scoresText.digest.slice(0, 16)}…`,
      `${places.length} rows of the map: ${unscored} of CVEs without a score, ${unplaced} of files without functions${sourcesText || unplaced === 0 ? '' : ' (give --sources)'}`,
      `${byFunction.size} functions have a weight; every other one weighs ${Number(fallback.toPrecision(3))}${options.defaultWeight === undefined ? ', the median score of the file' : ''}`,
      `Kept in ${kept}; runs from now on give weighted scores beside the counts.`,
      '',
    ].join('\n'),
  )
  return byFunction.size > 0 ? exitCodes.clean : exitCodes.nothing
}
