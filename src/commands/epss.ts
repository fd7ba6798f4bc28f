import { resolve } from 'node:path'
import * as z from 'zod'
import {
  type CveLocation,
  EpssError,
  parseCveLocations,
  parseScores,
  parseSources,
  readText,
} from '../core/attack-profile/epss-input.ts'
import { canonicalFunctionName, joinEpss, readEpss, saveEpss } from '../core/attack-profile/exposure.ts'
import { readKernelCves } from '../core/attack-profile/kernel-cves.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { loadProject } from '../core/project/config.ts'
import { scoresAgeNotes } from '../reporters/attack-profile.ts'
import { kernelFunctionNames } from '../tracing/sources.ts'
import { UsageError } from '../util/errors.ts'
import { plural, sanitize } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type OptionTable, pickOptions } from './options.ts'

const epssOptions = {
  map: {
    value: '<file>',
    group: 'Input',
    description: 'CSV with the columns cve,function,file: the kernel function or file of each CVE',
    example: '--map cves.csv',
    schema: z.string().optional(),
    completion: 'file',
  },
  kernelCves: {
    value: '<folder>',
    group: 'Input',
    description: "the kernel's CVE records (JSON): the files and the kernel versions of each CVE",
    example: '--kernel-cves vulns/cve/published',
    schema: z.string().optional(),
    completion: 'file',
  },
  sources: {
    value: '<file>',
    group: 'Input',
    description: 'CSV with the columns function,file, or the output of nm --line-numbers: for CVEs that name a file',
    example: '--sources functions.csv',
    schema: z.string().optional(),
    completion: 'file',
  },
  ...pickOptions('config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Imports EPSS scores of CVEs (a CSV file of FIRST, also gzipped) and their places in the kernel. ' +
    'isobench attack-profile show then shows which CVEs each platform reaches.',
  arguments: [
    { name: 'verb', description: 'import', required: true, choices: ['import'] },
    { name: 'file', description: 'the scores of one day', required: true, completion: 'file' },
  ],
  options: epssOptions,
  examples: [
    { line: 'epss import epss_scores.csv.gz --map cves.csv', description: 'import the scores of one day' },
    {
      line: 'epss import scores.gz --kernel-cves cves --sources functions',
      description: "use the kernel's own records",
    },
  ],
  run: ([, file], options, io) => importScores(file!, options, io),
})

async function importScores(file: string, options: CheckedOptions<typeof epssOptions>, io: CommandIo): Promise<number> {
  if (options.map === undefined && options.kernelCves === undefined)
    throw new UsageError(
      'isobench epss: --map and --kernel-cves are missing. One of them is needed for the kernel functions of each CVE.',
      'write a CSV file with the columns cve,function,file and pass it: --map cves.csv',
    )
  if (options.kernelCves !== undefined && options.sources === undefined)
    throw new UsageError(
      'isobench epss: --kernel-cves needs --sources, because the records name source files.',
      'run nm --line-numbers vmlinux > functions.txt on a kernel with debug information, and pass that file',
    )
  const read = (name: string) => readText(resolve(io.cwd, name))
  const readOptional = (name: string | undefined) => (name === undefined ? undefined : read(name))
  const project = await loadProject(io.cwd, options.config)
  const [scoresText, mapText, sourcesText] = [read(file), readOptional(options.map), readOptional(options.sources)]
  const scores = parseScores(scoresText)
  const locations = mapText ? parseCveLocations(mapText) : []
  const sources = sourcesText ? parseSources(sourcesText) : new Map<string, string[]>()
  const kernelCves = options.kernelCves === undefined ? [] : readKernelCves(resolve(io.cwd, options.kernelCves))
  const { cves, functions, unscored, unknownFiles } = joinEpss(scores, locations, sources, kernelCves)
  const missing = missingFunctions(locations)
  const lines = [
    `${plural(scores.byCve.size, 'score')} of ${sanitize(scores.date ?? 'an unknown date', 40)}, ` +
      `model ${sanitize(scores.model ?? 'unknown', 40)}, sha256 ${scoresText.digest.slice(0, 16)}…`,
    ...scoresAgeNotes(scores.date),
    ...examples(unscored.length, 'CVE has no score', 'CVEs have no score', unscored),
    ...examples(
      unknownFiles.length,
      `source file has no functions${sourcesText ? '' : ' (pass --sources)'}`,
      `source files have no functions${sourcesText ? '' : ' (pass --sources)'}`,
      unknownFiles,
    ),
    ...examples(
      missing.length,
      'function of the map is not in this kernel and its loaded modules',
      'functions of the map are not in this kernel and its loaded modules',
      missing.map(({ at, function: name }) => `${name} (${at})`),
    ),
  ]
  if (cves.length === 0)
    throw new EpssError(
      `no CVE has both a score and a function, so nothing was saved: ${lines.join('; ')}`,
      'check that the file of scores has the CVEs, and that --sources has the source files',
    )
  const source = {
    model: scores.model,
    date: scores.date,
    scores: scoresText.digest,
    map: mapText?.digest ?? null,
    sources: sourcesText?.digest ?? null,
    kernelCves: options.kernelCves === undefined ? null : kernelCves.length,
  }
  const replaced = replacedNote(project.root, scores.date)
  const saved = saveEpss(project.root, { source, cves, functions: [...functions] })
  io.out.write(
    [
      ...lines,
      `${plural(cves.length, 'CVE')} in ${plural(new Set(cves.flatMap((one) => one.functions)).size, 'function')}.`,
      ...replaced,
      `Saved in ${saved}. isobench attack-profile show applies it to every record.`,
      '',
    ].join('\n'),
  )
  return exitCodes.clean
}

/** What the import replaces. Damaged data are replaced without a note. */
function replacedNote(root: string, date: string | null): string[] {
  try {
    const before = readEpss(root)
    if (!before) return []
    const isNewer = Date.parse(before.source.date ?? '') > Date.parse(date ?? '')
    const dated = `${sanitize(before.source.date ?? 'an unknown date', 40)}${isNewer ? ', which are newer' : ''}`
    return [`It replaces ${plural(before.cves.length, 'CVE')} with scores of ${dated}.`]
  } catch {
    return []
  }
}

function examples(count: number, one: string, several: string, names: readonly string[]): string[] {
  if (count === 0) return []
  const shown = names.slice(0, 3).map((name) => sanitize(name, 80))
  return [`${count} ${count === 1 ? one : several}: ${shown.join(', ')}${count > shown.length ? ', …' : ''}`]
}

/**
 * Returns the rows with a function that this kernel does not have. It is no error, because the compiler can have
 * inlined a function, and the map can be for another kernel. Such a name never matches a trace of this kernel.
 */
function missingFunctions(locations: readonly CveLocation[]): CveLocation[] {
  const names = kernelFunctionNames()
  if (!names) return []
  const known = new Set([...names].map(canonicalFunctionName))
  return locations.filter((one) => one.function !== undefined && !known.has(canonicalFunctionName(one.function)))
}
