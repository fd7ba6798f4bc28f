import { statSync } from 'node:fs'
import { format, parse, resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { readShardPlan, type ShardPlan } from '../core/project/shard-plan.ts'
import { chooseByHost, chooseOfOneHost, type MergedRecord, mergeRecords, recordTexts } from '../core/records/merge.ts'
import type { RecordSurvey } from '../core/records/record-survey.ts'
import type { LeftOut, MissingRounds, MissingShard } from '../core/records/shard-coverage.ts'
import { kindText } from '../reporters/fleet-words.ts'
import { inputWord, shellWord } from '../reporters/headline/next-steps.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import { plural } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type OptionTable, sharedOptions } from './options.ts'
import { checkOutput, refuseExisting, writeNew } from './output-path.ts'
import { recordFiles, surveyFiles } from './record-files.ts'

const mergeOptions = {
  plan: {
    ...sharedOptions.plan,
    group: 'Input',
    description: 'only the records of this plan of isobench plan; others in a folder are left out',
    example: '--plan plan.json results',
  },
  strict: {
    ...sharedOptions.strict,
    description: 'exit with code 3 if shards, rounds, or records or lines that cannot be read are missing',
    example: '--strict --out all.jsonl',
  },
  out: {
    value: '<file>',
    group: 'Output',
    description: 'write the record to this file instead of standard output; it must not exist yet',
    example: '--out all.jsonl',
    schema: z.string().optional(),
    completion: 'file',
  },
  group: {
    group: 'Output',
    description: 'write one file per kind of host: all-1.jsonl, all-2.jsonl ...',
    example: '--group --out all.jsonl',
    schema: z.boolean().default(false),
    requires: 'out',
  },
} as const satisfies OptionTable

type MergeOptions = CheckedOptions<typeof mergeOptions>

export const command = defineCommand({
  description:
    'Joins the run records of shards, or of more rounds, into one record, and prints which shards, benches and ' +
    'rounds of their plan are missing. A shard that was measured twice counts once. It refuses records of different ' +
    'hosts.',
  arguments: [
    {
      name: 'records',
      description: 'run records, folders or globs',
      required: true,
      variadic: true,
      completion: 'file',
    },
  ],
  options: mergeOptions,
  examples: [
    { line: 'merge shard-1.jsonl shard-2.jsonl --out all.jsonl', description: 'join two shards' },
    { line: 'merge results --plan plan.json --strict --out all.jsonl', description: 'all shards' },
  ],
  run: async (names, options, io) => merge(names, options, io),
})

async function merge(names: readonly string[], options: MergeOptions, io: CommandIo): Promise<number> {
  const plan = options.plan === undefined ? undefined : readShardPlan(resolve(io.cwd, options.plan))
  const out = options.out === undefined ? undefined : resolve(io.cwd, options.out)
  const files = recordFiles(io.cwd, names)
  let unreadable = 0
  const read = surveyFiles(files, io, (_, why) => {
    unreadable++
    io.err.write(`warning  ${why}. It is left out.\n`)
  })
  if (read.length === 0)
    throw new UsageError(
      `no run record in ${names.join(', ')} can be read`,
      'name the files or folders of --records, by default .isobench/runs',
    )
  const surveys = ofPlan(read, plan, io)
  const { groups, left } = choose(surveys, options)
  for (const one of left) io.err.write(leftOutText(one))
  const inputs = files.map(({ file }) => ({ what: 'a run record', file: resolve(io.cwd, file) }))
  const all = groups.map((group, at) => ({
    group,
    merged: mergeRecords(group, unreadable),
    file: out !== undefined && options.group ? numbered(out, at + 1) : out,
  }))
  // Before the first file is written, because a later one may be refused.
  for (const { file } of all) {
    if (file === undefined) continue
    const output = { option: `--out ${options.out}`, given: options.out!, path: file, isNew: true }
    await checkOutput(output, { root: io.cwd }, inputs)
    refuseExisting(output)
  }
  let isIncomplete = unreadable > 0 || groups.flat().some((one) => one.unreadable.length > 0)
  for (const { group, merged, file } of all) {
    const texts = recordTexts({ ...merged, samples: merged.samples() }, new Date().toISOString())
    if (file === undefined) for (const text of inChunks(texts)) io.out.write(text)
    else {
      write(file, texts, options.out!)
      const kind = options.group ? ` of ${kindText(merged)}` : ''
      io.err.write(`Wrote ${file}: ${plural(group.length, 'record')}${kind}.\n`)
    }
    io.err.write(plansText(merged) + missingText(merged, folderOf(names, io), options))
    isIncomplete ||= merged.missingShards.length > 0 || merged.missingRounds.length > 0
  }
  return options.strict && isIncomplete ? exitCodes.inconclusive : exitCodes.clean
}

/** The records that count, for each merged record. */
function choose(surveys: readonly RecordSurvey[], { group }: MergeOptions) {
  if (group) {
    const { kinds, left } = chooseByHost(surveys)
    return { groups: kinds, left }
  }
  const { counted, left } = chooseOfOneHost(surveys)
  return { groups: [counted], left }
}

/** `all.jsonl` as `all-1.jsonl`. */
function numbered(file: string, number: number): string {
  const { dir, name, ext } = parse(file)
  return format({ dir, name: `${name}-${number}`, ext })
}

/** @throws {UsageError} if no record is of the plan */
function ofPlan(surveys: readonly RecordSurvey[], plan: ShardPlan | undefined, io: CommandIo): RecordSurvey[] {
  if (!plan) return [...surveys]
  const own = surveys.filter(({ shard }) => shard?.plan === plan.id)
  const others = surveys.length - own.length
  if (own.length === 0)
    throw new UsageError(
      `none of ${plural(surveys.length, 'record')} is of the plan ${plan.id} (${plural(plan.shards.length, 'shard')})`,
      'run the shards with --plan and the same file',
    )
  if (others > 0) io.err.write(`${plural(others, 'record')} of other runs left out.\n`)
  return own
}

/** Characters that are written at once. */
const chunkLength = 2 ** 20

/** Longer texts, because a call for each line is slow. */
function* inChunks(texts: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const text of texts) {
    chunk += text
    if (chunk.length < chunkLength) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

function write(file: string, texts: Iterable<string>, option: string): void {
  try {
    writeNew({ option: `--out ${option}`, path: file }, inChunks(texts))
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('ISOBENCH')) throw error
    throw new UsageError(`${file}: the record cannot be written: ${messageOf(error)}`, 'pass another file to --out.')
  }
}

const statusWords = {
  finished: 'it finished',
  interrupted: 'it was interrupted',
  stopped: 'an error stopped it',
  killed: 'it was killed',
} as const

function leftOutText({ file, why, instead }: LeftOut): string {
  const { shard, status, samples } = instead
  switch (why) {
    case 'copy':
      return `${file} is left out: ${instead.file} is the same run.\n`
    case 'merged':
      return `${file} is left out: ${instead.file} has the same ${plural(shard?.indices.length ?? 1, 'shard')}.\n`
    case 'repeated':
      return `${file} is left out: ${instead.file} has its samples.\n`
    case 'retry':
      return (
        `${file} is left out: ${instead.file} is of the same shard ${shard?.indices[0]}/${shard?.count}, and counts ` +
        (status === 'finished'
          ? 'because it finished first.\n'
          : `because none finished and it has the most samples (${samples}).\n`)
      )
  }
}

/** Benches that are named; the others are counted. */
const namedBenches = 5

function listed(ids: readonly string[]): string {
  const more = ids.length - namedBenches
  return `${ids.slice(0, namedBenches).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Shards of several plans are no mistake if each plan is complete. */
function plansText({ shardPlans }: MergedRecord): string {
  if (shardPlans.length < 2) return ''
  const texts = shardPlans.map(({ plan, count, indices }) => `${plan} (${indices.length} of ${plural(count, 'shard')})`)
  return `The records are of ${shardPlans.length} shard plans: ${texts.join(', ')}.\n`
}

/** The folder of the command line, which the record of a lost shard should be written to. */
const folderOf = (names: readonly string[], { cwd }: CommandIo): string | undefined =>
  names.find((name) => statSync(resolve(cwd, name), { throwIfNoEntry: false })?.isDirectory())

/**
 * What is missing, and the command that measures a lost shard.
 * @param folder for the record of a lost shard
 */
function missingText(
  { missingShards, missingRounds, environment }: MergedRecord,
  folder: string | undefined,
  { plan: planFile, group }: MergeOptions,
): string {
  const records = folder === undefined ? '' : ` --records ${shellWord(folder)}`
  const shards = missingShards.map(({ index, count, plan, isOfFile, benches }: MissingShard) => {
    const ofPlan = isOfFile ? ` --plan ${planFile === undefined ? 'FILE' : inputWord(planFile)}` : ''
    const options = isOfFile ? '' : ', with the options of the other shards'
    const [kind, where] = group ? [` of ${kindText({ environment })}`, ', on a host of this kind'] : ['', '']
    return (
      `missing  shard ${index}/${count} of plan ${plan}: no record${kind}. ` +
      `${plural(benches.length, 'bench', 'benches')}: ${listed(benches)}\n` +
      `         measure it: isobench run${ofPlan} --shard ${index}/${count}${records}${options}${where}\n`
    )
  })
  const rounds = missingRounds.map(
    ({ file, status, shard, bench, rounds, planned }: MissingRounds) =>
      `missing  ${bench}: ${rounds} of ${planned} rounds in ${file}${shard ? ` (shard ${shard})` : ''}, because ` +
      `${statusWords[status]}\n`,
  )
  return [...shards, ...rounds].join('')
}
