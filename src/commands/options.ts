import * as z from 'zod'
import { longestTimeout } from '../dsl/checked.ts'
import { UsageError } from '../util/errors.ts'
import { wrongOptions } from '../util/schema-issues.ts'

/** What shells offer as the value of an option or an argument, beside fixed words. */
export type Completion = 'file' | 'platforms' | 'profiles' | 'releases' | 'reporters'

/** The headings of `--help`, in their order. */
export const optionGroups = [
  'Select benches',
  'Input',
  'Measure',
  'Judge',
  'Compare',
  'Output',
  'Host and project',
] as const

/** An option as data: parsing, checks, `--help`, the reference page and shell completions come from it. */
export interface OptionSpec {
  /** The name of the value, as in `--rounds <n>`, or `[n]` if it may be left out. A switch has none. */
  readonly value?: string
  readonly group: (typeof optionGroups)[number]
  readonly description: string
  /** A use of the option, as typed. */
  readonly example: string
  /** Checks and converts what was typed: a string, `string[]` if repeatable, a boolean for a switch. */
  readonly schema: z.ZodType
  /** A short form, such as `-t`. */
  readonly short?: `-${string}`
  /** May be given several times. */
  readonly repeatable?: boolean
  /** `only`: the option is `--no-x`. `too`: both `--x` and `--no-x` exist. */
  readonly negated?: 'only' | 'too'
  readonly completion?: Completion
  /** The values of the command's first argument that the option applies to. All by default. */
  readonly verbs?: readonly string[]
  /** The keys of options that it does not go together with. */
  readonly excludes?: readonly string[]
  /** Whether it does not go together with arguments, because they replace it. */
  readonly excludesArguments?: boolean
  /** The key of the option that it means nothing without. */
  readonly requires?: string
  /** Whether the config may set what it requires. The command then checks `unmet`. */
  readonly configMeets?: boolean
}

/** Options by name: `maxDuration` is `--max-duration`. */
export type OptionTable = Readonly<Record<string, OptionSpec>>

/** The checked values of a table's options. */
export type OptionValues<T extends OptionTable> = z.output<z.ZodObject<{ -readonly [K in keyof T]: T[K]['schema'] }>>

const text = z.string()
const texts = z.array(text)
const toggle = z.boolean().default(false)

/** Words that are separated by commas, or that several options have. */
export const list = texts.transform((values, context) => {
  const names = values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean)
  if (names.length === 0) context.addIssue({ code: 'custom', message: 'the list is empty.' })
  return names
})

/** A decimal number. The range is part of the message. */
export const number = (isValid: (value: number) => boolean, range: string) =>
  text.transform((value, context) => {
    const parsed = /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(value) ? Number(value) : Number.NaN
    if (isValid(parsed)) return parsed
    context.addIssue({ code: 'custom', message: `"${value}" is not a number ${range}.` })
    return z.NEVER
  })

const roundsOf = (format: RegExp, expected: string) =>
  text.transform((value, context) => {
    const [first, last = first] = format.test(value) ? value.split('..').map(Number) : []
    if (first !== undefined && first >= 1 && last! >= first && last! <= 1000) return { first, last: last! }
    context.addIssue({ code: 'custom', message: `"${value}" is ${expected}.` })
    return z.NEVER
  })

/** `5`, or `10..30` for interim looks from the tenth round on. */
const rounds = roundsOf(/^\d+(\.\.\d+)?$/, 'neither a number from 1 to 1000, such as 10, nor a range such as 10..30')

/** Rounds of a command without claims, which could end a range early. */
export const fixedRounds = roundsOf(/^\d+$/, 'not a number from 1 to 1000, such as 10')

/** `90s`, `10m`, `1h30m`, as milliseconds. */
const duration = text.transform((value, context) => {
  const [, hours = 0, minutes = 0, seconds = 0] =
    /^(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(value)?.map((part) => Number(part ?? 0)) ?? []
  const milliseconds = ((hours * 60 + minutes) * 60 + seconds) * 1000
  if (milliseconds > 0) return milliseconds
  context.addIssue({ code: 'custom', message: `"${value}" is not a duration such as 90s, 10m or 1h30m.` })
  return z.NEVER
})

/** `2/5`: the second of five shards. `auto` and `auto/5`: the index comes from the environment. */
const shard = text.transform((value, context): { index: number | undefined; count: number | undefined } => {
  const [, index, count] = /^(auto|[1-9]\d{0,8})(?:\/([1-9]\d{0,8}))?$/.exec(value) ?? []
  if (index === 'auto') return { index: undefined, count: count === undefined ? undefined : Number(count) }
  if (count !== undefined && Number(index) <= Number(count)) return { index: Number(index), count: Number(count) }
  context.addIssue({ code: 'custom', message: `"${value}" is not a shard n/m with n from 1 to m, nor auto or auto/m.` })
  return z.NEVER
})

/** The options that several commands have. An option of one command stands in the file of that command. */
export const sharedOptions = {
  platform: {
    value: '<names>',
    group: 'Select benches',
    description: 'only these platforms of the config, separated by commas',
    example: '--platform native,runc',
    short: '-p',
    schema: list.optional(),
    repeatable: true,
    completion: 'platforms',
  },
  allPlatforms: {
    group: 'Select benches',
    description: 'also platforms with a tag that the config excludes (skipPlatformTags)',
    example: '--all-platforms --profile full',
    schema: toggle,
    excludes: ['platform'],
  },
  name: {
    value: '<text>',
    group: 'Select benches',
    description: 'only benches with this text in their name',
    example: '--name "boot to first byte"',
    short: '-t',
    schema: texts.optional(),
    repeatable: true,
  },
  tag: {
    value: '<tags>',
    group: 'Select benches',
    description: 'only benches with at least one of these tags',
    example: '--tag cpu,memory',
    schema: list.optional(),
    repeatable: true,
  },
  findings: {
    value: '[numbers]',
    group: 'Select benches',
    description: 'only what findings need, those with these numbers or all; judges no other claims',
    example: '--findings 13,16',
    schema: z
      .union([z.literal(true).transform((): string[] => []), text.transform((value) => value.split(','))])
      .optional(),
  },
  shard: {
    value: '<n/m|auto>',
    group: 'Select benches',
    description:
      'only part n of m; join the records with isobench merge. auto reads n and m from the job (Slurm, Kubernetes, ' +
      'GitLab, Buildkite, CircleCI); auto/m states m',
    example: '--shard 2/5',
    schema: shard.optional(),
  },
  plan: {
    value: '<file>',
    group: 'Select benches',
    description: 'the plan of isobench plan: it says which benches each shard has, and with which options',
    example: '--plan plan.json --shard auto',
    schema: text.optional(),
    completion: 'file',
  },
  lastFailed: {
    group: 'Select benches',
    description: 'only benches that failed in the latest run; all benches if none failed',
    example: '--last-failed --profile full',
    schema: toggle,
  },
  forbidOnly: {
    group: 'Select benches',
    description: 'fail if a bench uses bench.only (default: on if CI=true)',
    example: '--no-forbid-only',
    schema: z.boolean().optional(),
    negated: 'too',
  },
  profile: {
    value: '<name>',
    group: 'Measure',
    description: 'how much to measure: quick (default), full, paper, or a profile of the config',
    example: '--profile full',
    schema: text.default('quick'),
    completion: 'profiles',
  },
  rounds: {
    value: '<n|n..m>',
    group: 'Measure',
    description: 'rounds per platform; a verdict needs at least 5. 10..30 stops as soon as all claims are decided',
    example: '--rounds 10..30',
    schema: rounds.optional(),
  },
  seconds: {
    value: '<n>',
    group: 'Measure',
    description: 'length of one sample in seconds (0.001 to 3600)',
    example: '--seconds 3',
    schema: number((value) => value >= 0.001 && value <= 3600, 'from 0.001 to 3600').optional(),
  },
  timeout: {
    value: '<seconds>',
    group: 'Measure',
    description: `time limit of one sample in seconds (at most ${longestTimeout})`,
    example: '--timeout 120',
    schema: number((value) => value > 0 && value <= longestTimeout, `above 0 and at most ${longestTimeout}`).optional(),
  },
  maxDuration: {
    value: '<duration>',
    group: 'Measure',
    description: 'measure what decides most in this time, and list what more time would decide',
    example: '--max-duration 10m',
    schema: duration.optional(),
  },
  duet: {
    group: 'Measure',
    description: 'run native and the platform at once on separate CPUs, in cpu and memory benches (default: config)',
    example: '--duet --tag cpu',
    schema: z.boolean().optional(),
    negated: 'too',
  },
  seed: {
    value: '<text>',
    group: 'Measure',
    description: 'repeat the order of an earlier run',
    example: '--seed 3f9c2a',
    schema: text.optional(),
  },
  remeasure: {
    group: 'Measure',
    description: 'do not repeat samples that other processes on the host disturbed',
    example: '--no-remeasure --rounds 20',
    schema: z.boolean().default(true),
    negated: 'only',
  },
  failFast: {
    group: 'Measure',
    description: 'stop after the first round in which a claim fails the run, or all samples of a claim failed',
    example: '--fail-fast --rounds 20',
    schema: toggle,
  },
  dryRun: {
    group: 'Measure',
    description: 'print what would be measured, and the order, without measuring',
    example: '--dry-run --profile full',
    schema: toggle,
    excludes: ['json'],
  },
  record: {
    value: '<file>',
    group: 'Input',
    description: 'the run record to read (default: the latest run)',
    example: '--record .isobench/runs/nightly.jsonl',
    schema: text.optional(),
    completion: 'file',
  },
  paper: {
    group: 'Input',
    description: "judge the paper's own numbers, benches/paper-facts.json, instead of a run",
    example: '--paper',
    schema: toggle,
  },
  bench: {
    value: '<text>',
    group: 'Select benches',
    description: 'only benches with this text in their id',
    example: '--bench isolation/',
    schema: texts.default([]),
    repeatable: true,
  },
  strict: {
    group: 'Judge',
    description: 'exit with code 3 if any verdict is inconclusive',
    example: '--strict --json',
    schema: toggle,
  },
  strictFindings: {
    group: 'Judge',
    description: 'exit with code 1 if a finding is contradicted, in either direction',
    example: '--strict --strict-findings',
    schema: toggle,
  },
  require: {
    value: '<what>',
    group: 'Judge',
    description: '`complete`: exit with code 3 if a part of a finding is open',
    example: '--require complete',
    schema: z.enum(['complete']).optional(),
  },
  baseline: {
    value: '<name>',
    group: 'Compare',
    description:
      'compare the run with this baseline; exit with code 1 if a metric regressed or is no longer measured, ' +
      'or an attack profile has a new name',
    example: '--baseline main',
    schema: text.optional(),
  },
  saveBaseline: {
    value: '<name>',
    group: 'Compare',
    description:
      'save the run record as a baseline; not if the run is interrupted, or if it is or may be worse than --baseline',
    example: '--save-baseline main',
    schema: text.optional(),
  },
  margin: {
    value: '<percent>',
    group: 'Compare',
    description: 'a metric has regressed if it is worse than the baseline by more than this (default: 5)',
    example: '--margin 3',
    schema: number((value) => value > 0 && value <= 99, 'above 0 and at most 99').default(5),
  },
  allowDifferentHosts: {
    group: 'Compare',
    description: 'accept a baseline of another host, and print the differences',
    example: '--allow-different-hosts --margin 10',
    schema: toggle,
  },
  allowMissing: {
    value: '<platform>',
    group: 'Compare',
    description: 'a platform that may be missing although the baseline has it',
    example: '--allow-missing crun',
    schema: texts.optional(),
    repeatable: true,
  },
  reporter: {
    value: '<name[=file]>',
    group: 'Output',
    description: 'a reporter by name or path, and its file (default: those of the config)',
    example: '--reporter default --reporter html=report.html',
    schema: texts.optional(),
    repeatable: true,
    completion: 'reporters',
  },
  records: {
    value: '<folder>',
    group: 'Output',
    description: 'write the run record into this folder (default: .isobench/runs of the project)',
    example: '--records /mnt/results',
    schema: text.optional(),
    completion: 'file',
  },
  json: {
    group: 'Output',
    description: 'print JSON to standard output',
    example: '--json > out.json',
    schema: toggle,
  },
  all: {
    group: 'Output',
    description: 'print every table, claim and finding before the summary',
    example: '--all | less',
    schema: toggle,
  },
  verbose: {
    group: 'Output',
    description: 'print also what confines the guests of each platform',
    example: '--verbose runc docker',
    schema: toggle,
  },
  install: {
    group: 'Host and project',
    description: 'install missing packages and releases without asking',
    example: '--install --wait-for-lock',
    schema: toggle,
  },
  waitForLock: {
    group: 'Host and project',
    description: 'wait while another isobench measures on this host',
    example: '--wait-for-lock --install',
    schema: toggle,
  },
  config: {
    value: '<file>',
    group: 'Host and project',
    description: 'the config file (default: the nearest isobench.config.ts)',
    example: '--config ci/isobench.config.ts',
    schema: text.optional(),
    completion: 'file',
  },
} as const satisfies OptionTable

/** Some shared options, for the table of a command. */
export function pickOptions<K extends keyof typeof sharedOptions>(...names: K[]): Pick<typeof sharedOptions, K> {
  return Object.fromEntries(names.map((name) => [name, sharedOptions[name]])) as Pick<typeof sharedOptions, K>
}

type Shared = OptionValues<typeof sharedOptions>

/** The checked values of the shared options. An option that the command line or the command lacks has its default. */
export type Options = Omit<Shared, 'rounds'> & {
  readonly rounds: number | undefined
  /** The round of the first interim look. */
  readonly firstLook: number | undefined
  /** What the command must throw if the config does not set the option either, by the key of that option. */
  readonly unmet?: Readonly<Record<string, UsageError>>
}

/** The checked values of a command with own options. */
export type CheckedOptions<Own extends OptionTable> = Options & Omit<OptionValues<Own>, keyof Options>

/** The name as typed: `--max-duration`. */
export const flagName = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** The forms of an option as typed: `--forbid-only` and `--no-forbid-only`. */
export function flagNames(key: string, { negated }: OptionSpec): string[] {
  const negative = flagName(key).replace('--', '--no-')
  if (negated === 'only') return [negative]
  return negated === 'too' ? [flagName(key), negative] : [flagName(key)]
}

/**
 * Checks what was typed.
 * @param command as typed, for messages: `isobench run`
 * @param typed every value of each option, in order: strings, or booleans for switches
 * @throws {UsageError} that names the option, if a value is not valid or given twice
 */
export function checkOptions<Own extends OptionTable>(
  command: string,
  own: Own,
  typed: Readonly<Record<string, readonly (string | boolean)[]>>,
): CheckedOptions<Own> {
  const table: OptionTable = { ...sharedOptions, ...own }
  const values = Object.entries(table).map(([key, spec]) => {
    const flag = flagNames(key, spec)[0]!
    const given = typed[key] ?? []
    if (spec.value !== undefined && !spec.repeatable && given.length > 1)
      throw new UsageError(`${command}: ${flag} is given ${given.length} times.`, 'give it once.')
    const raw = given.length === 0 ? undefined : spec.repeatable ? given : given.at(-1)
    const parsed = spec.schema.safeParse(raw)
    if (!parsed.success)
      throw new UsageError(
        `${command}: ${flag}: ${wrongOptions(parsed.error.issues, raw)[0]!.message}`,
        `write, for example, ${spec.example}`,
      )
    return [key, parsed.data] as const
  })
  const checked = Object.fromEntries(values) as Shared & CheckedOptions<Own>
  return { ...checked, rounds: checked.rounds?.last, firstLook: checked.rounds?.first }
}
