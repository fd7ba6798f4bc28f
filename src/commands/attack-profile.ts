import { resolve } from 'node:path'
import { type AttackProfileSummary, attackProfiles, diffOf } from '../core/attack-profile/summary.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { ScheduledPlan } from '../core/model/plan.ts'
import type { RunRecord } from '../core/model/record.ts'
import { loadProject } from '../core/project/config.ts'
import { latestRecord, readRecord } from '../core/records/record-file.ts'
import { diffText, profilesMarkdown, tableText } from '../reporters/attack-profile.ts'
import { closestMatch } from '../util/closest-match.ts'
import { UsageError } from '../util/errors.ts'
import type { CommandHandler, CommandIo } from './command.ts'
import { checkOptions, type Options } from './options.ts'

async function recordOf(options: Options, io: CommandIo): Promise<RunRecord> {
  if (options.record !== undefined) return readRecord(resolve(io.cwd, options.record))
  return readRecord(latestRecord((await loadProject(io.cwd, options.config)).root))
}

/** @throws UsageError when nothing was traced. */
function traced(record: RunRecord, bench: string | undefined): AttackProfileSummary[] {
  const cells = attackProfiles(record, bench)
  if (cells.some(({ rounds }) => rounds > 0)) return cells
  const absent = record.plan.excluded.find(({ reason: why }) => why === 'tracer-unavailable')?.detail
  throw new UsageError(
    absent !== undefined
      ? `${record.file} has no profile: ${absent}`
      : `${record.file} has no profile${bench === undefined ? '' : ` of a bench with "${bench}" in its id`}`,
    'make one with: isobench run isolation/attack-profile',
  )
}

function named(cells: readonly AttackProfileSummary[], name: string): AttackProfileSummary[] {
  const own = cells.filter(({ platform, rounds }) => platform === name && rounds > 0)
  if (own.length > 0) return own
  const known = [...new Set(cells.map(({ platform }) => platform))]
  const close = closestMatch(name, known)
  throw new UsageError(
    `the record has no profile of a platform "${name}"`,
    close ? `did you mean "${close}"?` : `it has: ${known.join(', ')}`,
  )
}

export const run: CommandHandler = async ([verb, ...names], { markdown, ...given }, io) => {
  const options = checkOptions(given)
  if (verb !== 'show' && verb !== 'diff')
    throw new UsageError(
      `isobench attack-profile has no verb "${verb}"`,
      'use: attack-profile show, or attack-profile diff A B',
    )
  const [a, b] = names
  if (verb === 'diff' && (a === undefined || b === undefined || names.length > 2))
    throw new UsageError('profile diff compares two platforms', 'name them: isobench attack-profile diff runc gvisor')
  const record = await recordOf(options, io)
  const cells = traced(record, options.bench)
  const { weights: source = null } = record.plan as ScheduledPlan
  if (verb === 'show') {
    const shown = names.length > 0 ? names.flatMap((name) => named(cells, name)) : cells
    io.out.write(
      options.json
        ? `${JSON.stringify({ schemaVersion: 1, record: record.file, weights: source, profiles: shown })}\n`
        : markdown
          ? profilesMarkdown(shown, record)
          : tableText(shown, source),
    )
    return exitCodes.clean
  }
  const [ofA, ofB] = [named(cells, a!), named(cells, b!)]
  const pairs = ofA.flatMap((one) => {
    const other = ofB.find(({ case: point }) => point === one.case)
    return other ? [diffOf(one, other)] : []
  })
  io.out.write(
    options.json ? `${JSON.stringify({ schemaVersion: 1, record: record.file, diffs: pairs })}\n` : diffText(pairs),
  )
  return pairs.length > 0 ? exitCodes.clean : exitCodes.nothing
}
