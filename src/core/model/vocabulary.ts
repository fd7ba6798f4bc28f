import * as z from 'zod'

/** Closed vocabularies that the run record, the report and the import format share. */

/** A string of a closed vocabulary, with the meaning of each word. */
export function describedEnum<const Words extends Readonly<Record<string, string>>>(words: Words) {
  const names = Object.keys(words) as [keyof Words & string, ...(keyof Words & string)[]]
  return z.enum(names).meta({ enumDescriptions: Object.values(words) })
}

/**
 * A vocabulary that the published JSON Schemas and the reference pages define once, by its name.
 * @param id name of the vocabulary there, such as `ExclusionReason`
 */
export const vocabulary = <const Words extends Readonly<Record<string, string>>>(
  id: string,
  description: string,
  words: Words,
) => describedEnum(words).meta({ id, description, enumDescriptions: Object.values(words) })

export const cpuModeSchema = vocabulary('CpuMode', 'How a platform executes the code of its guests.', {
  hardware: 'on the CPU of the host',
  emulated: 'software emulates the CPU of the guests',
  nested: 'the hypervisor of the guests runs inside another hypervisor',
})

export const exclusionReasonSchema = vocabulary('ExclusionReason', 'Why a run did not measure a bench.', {
  skip: 'the bench file says `bench.skip`',
  todo: 'the bench file says `bench.todo`',
  only: 'another bench says `bench.only`',
  filter: 'the command line selects other benches',
  profile: 'the profile excludes a tag of the bench',
  shard: 'another shard (`--shard`) measures it',
  'shard-missing': 'another shard measures it, and no record with its samples was merged',
  'not-failed-before': 'it did not fail in the latest run (`--last-failed`)',
  'time-budget': 'it did not fit into the time of `--max-duration`',
  'tracer-unavailable': 'the host kernel lacks the trace source that the bench needs',
})

export const traceSourceSchema = vocabulary('TraceSource', 'What the tracer counts.', {
  functions: 'functions of the host kernel (ftrace)',
  syscalls: 'system calls (tracepoints)',
})

export const runStatusSchema = vocabulary('RunStatus', 'How a run ended.', {
  finished: 'it measured all rounds that it needed',
  interrupted: 'a signal stopped it',
  stopped: 'an error that no code handles stopped it',
  killed: 'the run record has no last line',
})
