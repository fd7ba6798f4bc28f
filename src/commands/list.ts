import { exitCodes } from '../core/judge/exit-code.ts'
import { casesOf, describeParams, type ResolvedProfile, withProfileParams } from '../core/model/plan.ts'
import type { Suite } from '../core/model/suite.ts'
import { collect } from '../core/project/collect.ts'
import { benchFiles, filterFiles, loadProject } from '../core/project/config.ts'
import { resolveProfile, selectBenches, selectFiles, splitPlatforms } from '../core/project/plan.ts'
import { duration } from '../reporters/format.ts'
import { benchName, excludedPlatformsNote } from '../reporters/summary.ts'
import { plural, sanitize } from '../util/text.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { problemText } from './errors.ts'
import { type Options, pickOptions } from './options.ts'

/** How many samples a run takes on each platform, and for how long. */
function runLength(suite: Suite, name: string, profile: ResolvedProfile): string {
  const { rounds, warmup, seconds, skipTags = [] } = profile
  const { benches } = selectBenches(suite, { profile: name, without: skipTags })
  const cases = benches.flatMap(casesOf).length
  const samples = cases * (rounds + warmup)
  const excluded = suite.benches.length - benches.length
  const note = excluded > 0 ? ` (${plural(excluded, 'bench', 'benches')} excluded)` : ''
  const time = `${duration(samples * seconds * 1000)} at ${seconds} s per sample, without set-up`
  return `profile ${name}: ${plural(cases, 'case')}${note}, ${plural(samples, 'sample')} per platform, about ${time}`
}

export const command = defineCommand({
  description:
    'Lists the benches with their metrics and parameters, and how long a run with the profile takes. ' +
    'It measures nothing.',
  arguments: [benchFilters],
  options: pickOptions('profile', 'json', 'config'),
  examples: [{ line: 'list startup --profile paper', description: 'what the paper profile measures' }],
  run: list,
})

async function list(filters: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config)
  const profile = resolveProfile(project, options)
  const files = await benchFiles(project)
  const selected = filterFiles(project, files, filters)
  const suite = selectFiles((await collect(project.root, files)).suite, selected)
  if (options.json) io.out.write(`${JSON.stringify(suite, null, 1)}\n`)
  else {
    for (const file of new Set(suite.benches.map((bench) => bench.file))) {
      io.out.write(`${sanitize(file)}\n`)
      for (const bench of suite.benches.filter((entry) => entry.file === file)) {
        const metrics = Object.entries(bench.metrics).map(([name, { unit }]) => sanitize(`${name} (${unit})`))
        const mode = bench.mode === 'run' ? '' : ` [${bench.mode}]`
        io.out.write(`  ${benchName(bench)}${mode}${metrics.length > 0 ? `: ${metrics.join(', ')}` : ''}\n`)
        const cases = casesOf(withProfileParams(bench, options.profile))
        const withParams = cases.filter(({ params }) => Object.keys(params).length > 0)
        for (const { params } of withParams) io.out.write(`    ${sanitize(describeParams(params))}\n`)
      }
    }
    const counts = `${plural(suite.benches.length, 'bench', 'benches')}, ${plural(suite.findings.length, 'finding')}`
    io.out.write(`${counts}\n${runLength(suite, options.profile, profile)}\n`)
    const { excluded } = splitPlatforms(
      project.platforms.map((spec) => ({ spec })),
      {},
      project.skipPlatformTags,
    )
    const note = excludedPlatformsNote(excluded.map(({ spec }) => spec))
    if (note) io.out.write(`${note}\n`)
  }
  for (const problem of suite.problems) io.err.write(problemText(problem))
  return suite.problems.length > 0 ? exitCodes.invalid : exitCodes.clean
}
