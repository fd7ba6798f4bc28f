import { resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { Sample } from '../core/model/record.ts'
import { loadProject } from '../core/project/config.ts'
import { createPlan } from '../core/project/plan.ts'
import { unprobedPlatforms } from '../core/project/platforms.ts'
import { benchSeconds, createShardPlan, type ShardPlan } from '../core/project/shard-plan.ts'
import { formerSamples } from '../core/records/step-durations.ts'
import { drivers } from '../platforms/index.ts'
import { duration } from '../reporters/format.ts'
import { messageOf } from '../util/errors.ts'
import { plural } from '../util/text.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { warningsText } from './errors.ts'
import { type CheckedOptions, number, type OptionTable, pickOptions } from './options.ts'
import { checkOutput, refuseExisting, writeNew } from './output-path.ts'
import { type NamedFile, recordFiles } from './record-files.ts'
import { withConfigDefaults } from './setup.ts'
import { readStored } from './stored-records.ts'

const planOptions = {
  shards: {
    value: '<n>',
    group: 'Measure',
    description: 'number of shards (required)',
    example: '--shards 8',
    schema: z
      .string('pass the number of shards.')
      .pipe(number((value) => Number.isInteger(value) && value >= 1 && value <= 10_000, 'from 1 to 10000')),
  },
  from: {
    value: '<record>',
    group: 'Input',
    description: 'a record, folder or glob with former durations (default: the latest 20 runs)',
    example: '--from all.jsonl',
    schema: z.array(z.string()).optional(),
    repeatable: true,
    completion: 'file',
  },
  out: {
    value: '<file>',
    group: 'Output',
    description: 'write the plan to this file instead of standard output; it must not exist yet',
    example: '--out plan.json',
    schema: z.string().optional(),
    completion: 'file',
  },
  ...pickOptions(
    'platform',
    'allPlatforms',
    'name',
    'tag',
    'findings',
    'forbidOnly',
    'profile',
    'rounds',
    'seconds',
    'timeout',
    'duet',
    'seed',
    'config',
  ),
} as const satisfies OptionTable

type PlanOptions = CheckedOptions<typeof planOptions>

export const command = defineCommand({
  description:
    'Splits the benches into shards of about equal time, and writes the plan for isobench run --plan. It uses the ' +
    'seconds that each bench took in former runs, or estimates. It measures nothing. Give the same file to every host.',
  arguments: [benchFilters],
  options: planOptions,
  examples: [{ line: 'plan --shards 8 --profile full --out plan.json', description: 'for eight hosts' }],
  run: plan,
})

async function plan(filters: readonly string[], given: PlanOptions, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, given.config, { command: 'run', profile: given.profile })
  const output =
    given.out === undefined
      ? undefined
      : { option: `--out ${given.out}`, given: given.out, path: resolve(io.cwd, given.out) }
  if (output) {
    await checkOutput(output, project)
    // Shards may have been measured with it. Those of a new plan would never merge with them.
    refuseExisting(output)
  }
  const { shards, from, out: _, ...options } = { ...given, ...withConfigDefaults(given, project) }
  const planned = await createPlan(project, drivers, { ...options, shard: undefined, filters })
  io.err.write(warningsText(planned.collected.warnings, project.root))
  for (const note of planned.notes) io.err.write(`${note}\n`)
  const { benches, profile, seed } = planned.plan
  const former = from
    ? samplesOf(recordFiles(io.cwd, from), profile.seconds, io)
    : formerSamples(project.root, profile, formerRecords)
  const platforms = unprobedPlatforms(planned.platforms)
  const { platform, allPlatforms, name, tag, findings, rounds, firstLook, seconds, timeout, duet } = options
  const made = createShardPlan(benchSeconds({ benches, platforms, profile }, former), shards, {
    filters: [...filters],
    ...defined({ platform, name, tag, findings, rounds, firstLook, seconds, timeout, duet }),
    ...(allPlatforms && { allPlatforms }),
    profile: options.profile,
    seed,
  })
  const text = `${JSON.stringify(made, null, 1)}\n`
  if (output) writeNew(output, [text])
  else io.out.write(text)
  io.err.write(planText(made, profile.seconds))
  return planned.collected.suite.problems.length > 0 ? exitCodes.invalid : exitCodes.clean
}

/** Records of shards have a part of the benches each, so that a few are not enough. */
const formerRecords = 20

/**
 * The samples of records with the same sample length. Others would make a bench look longer or shorter than the rest.
 * @param seconds that a sample of the plan measures
 */
export function samplesOf(files: readonly NamedFile[], seconds: number, io: Pick<CommandIo, 'err'>): Sample[] {
  const warn = (why: string) => io.err.write(`warning  ${why}. It is left out.\n`)
  return files.flatMap(({ file, isNamed }) => {
    try {
      const { plan, samples } = readStored(file, io)
      if (plan.profile.seconds === seconds) return samples
      warn(`${file} has samples of ${plan.profile.seconds} s, and the plan has samples of ${seconds} s`)
    } catch (error) {
      if (isNamed) throw error
      warn(messageOf(error))
    }
    return []
  })
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** The fields that are not undefined: JSON has no such value. */
const defined = <T extends object>(fields: T): Defined<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>

/** @param sampleSeconds that a sample measures: former runs with other samples do not count */
export function planText({ id, shards }: Pick<ShardPlan, 'id' | 'shards'>, sampleSeconds: number): string {
  const benches = shards.flatMap((shard) => shard.benches)
  const estimated = benches.filter(({ measured }) => !measured).length
  const rows = shards.map(
    (shard, at) =>
      `  ${at + 1}/${shards.length}  ${duration(1000 * shard.seconds)}  ` +
      `${plural(shard.benches.length, 'bench', 'benches')}\n`,
  )
  const source = sourceOfDurations(estimated, benches.length, `samples of ${sampleSeconds} s`)
  return `Plan ${id}: ${plural(shards.length, 'shard')}\n${rows.join('')}${source}\n`
}

function sourceOfDurations(estimated: number, all: number, samples: string): string {
  if (estimated === 0) return `All durations are those of former runs with ${samples}.`
  if (estimated === all) return `All durations are estimates: no former run has ${samples} of these benches.`
  return estimated === 1
    ? `1 of ${all} durations is an estimate: no former run has ${samples} of that bench.`
    : `${estimated} of ${all} durations are estimates: no former run has ${samples} of those benches.`
}
