import { exitCodes } from '../core/judge/exit-code.ts'
import { casesOf, describeParams, withProfileParams } from '../core/model/plan.ts'
import type { BenchData } from '../core/model/suite.ts'
import { emptySelection } from '../core/project/check-selection.ts'
import { loadProject } from '../core/project/config.ts'
import { type ProjectSelection, selectProject, splitPlatforms } from '../core/project/plan.ts'
import { benchSeconds, readStepDurations } from '../core/records/step-durations.ts'
import { drivers } from '../platforms/index.ts'
import { duration } from '../reporters/format.ts'
import { benchName, excludedPlatformsNote } from '../reporters/summary.ts'
import { plural, sanitize } from '../util/text.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { problemText, warningsText } from './errors.ts'
import { type Options, pickOptions } from './options.ts'
import { resolveShard } from './shards.ts'

/** How many samples a run takes on each platform, and for how long. */
function runLength({ benches, excluded, profile }: ProjectSelection, name: string): string {
  const { rounds, warmup, seconds } = profile
  const cases = benches.flatMap(casesOf).length
  const samples = cases * (rounds + warmup)
  const note = excluded.length > 0 ? ` (${plural(excluded.length, 'bench', 'benches')} excluded)` : ''
  const time = `${duration(samples * seconds * 1000)} at ${seconds} s per sample, without set-up`
  return `profile ${name}: ${plural(cases, 'case')}${note}, ${plural(samples, 'sample')} per platform, about ${time}`
}

export const command = defineCommand({
  description:
    'Lists the benches with their metrics and parameters, and how long each takes on one platform with the profile: ' +
    'by the latest records, or by estimate for a platform without emulated CPUs. ' +
    'It measures nothing. It takes the filters of isobench run, and shows what they select.',
  arguments: [benchFilters],
  options: pickOptions(
    'platform',
    'allPlatforms',
    'name',
    'tag',
    'findings',
    'shard',
    'lastFailed',
    'forbidOnly',
    'profile',
    'json',
    'config',
  ),
  examples: [
    { line: 'list startup --profile paper', description: 'what the paper profile measures' },
    { line: 'list --tag cpu --shard 1/2', description: 'what these filters select' },
  ],
  run: list,
})

/** How long the bench takes on one platform: a range if former runs took different times on different platforms. */
type BenchTime = (bench: BenchData) => string

function benchTime({ platforms, profile }: ProjectSelection, root: string): BenchTime {
  const durations = readStepDurations(root, profile)
  return (bench) => {
    const seconds = platforms.map(({ spec: { name } }) =>
      benchSeconds(bench, { name, cpuMode: 'hardware' }, profile, durations),
    )
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)].map((one) => duration(one * 1000))
    return `about ${least === most ? least : `${least} to ${most}`} per platform`
  }
}

function benchText(bench: BenchData, profile: string, time: BenchTime): string {
  const metrics = Object.entries(bench.metrics).map(([name, { unit }]) => sanitize(`${name} (${unit})`))
  const mode = bench.mode === 'run' ? '' : ` [${bench.mode}]`
  const profiledBench = withProfileParams(bench, profile)
  const cases = casesOf(profiledBench).filter(({ params }) => Object.keys(params).length > 0)
  return [
    `  ${benchName(bench)}${mode}${metrics.length > 0 ? `: ${metrics.join(', ')}; ${time(profiledBench)}` : ''}\n`,
    ...cases.map(({ params }) => `    ${sanitize(describeParams(params))}\n`),
  ].join('')
}

async function list(filters: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config, { command: 'list', profile: options.profile })
  const forbidOnly = options.forbidOnly ?? false
  const selection = await selectProject(project, drivers, {
    ...options,
    filters,
    forbidOnly,
    shard: resolveShard(options, io),
  })
  const { suite } = selection
  const { name, tag, findings, shard, lastFailed } = options
  const isSelected = ({ id }: BenchData) => selection.benches.some((bench) => bench.id === id)
  const isFiltered = Boolean(name || tag || findings || shard || lastFailed)
  const benches = isFiltered ? suite.benches.filter(isSelected) : suite.benches
  io.err.write(warningsText(selection.collected.warnings, project.root))
  if (isFiltered && benches.length === 0 && suite.problems.length === 0)
    throw emptySelection({ ...options, filters }, suite)
  for (const problem of suite.problems) io.err.write(problemText(problem, project.root))
  if (options.json) io.out.write(`${JSON.stringify({ ...suite, benches }, null, 1)}\n`)
  else if (benches.length > 0 || suite.problems.length === 0) {
    const time = benchTime(selection, project.root)
    for (const file of new Set(benches.map((bench) => bench.file))) {
      io.out.write(`${sanitize(file)}\n`)
      for (const bench of benches.filter((entry) => entry.file === file))
        io.out.write(benchText(bench, options.profile, time))
    }
    const counts = `${plural(benches.length, 'bench', 'benches')}, ${plural(suite.findings.length, 'finding')}`
    const names = selection.platforms.map(
      ({ spec, driver }) => spec.name + (driver.experimental === undefined ? '' : ' (experimental)'),
    )
    const platforms = `platforms: ${names.join(', ')}`
    io.out.write(`${counts}\n${platforms}\n${runLength(selection, options.profile)}\n`)
    const { excluded } = splitPlatforms(
      project.platforms.map((spec) => ({ spec })),
      options,
      project.skipPlatformTags,
    )
    const note = excludedPlatformsNote(excluded.map(({ spec }) => spec))
    if (note) io.out.write(`${note}\n`)
  }
  for (const note of selection.notes) io.err.write(`${note}\n`)
  if (suite.problems.length === 0) return exitCodes.clean
  io.err.write(`${plural(suite.problems.length, 'problem')}\n`)
  return exitCodes.invalid
}
