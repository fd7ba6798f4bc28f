import * as z from 'zod'
import { UsageError } from '../util/errors.ts'

const many = z.union([z.string(), z.array(z.string())]).transform((value) => (Array.isArray(value) ? value : [value]))
const list = many.transform((values) =>
  values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean),
)
const text = z.union([z.string(), z.number()]).transform(String)

/** `5`, or `10..30` for looks from the tenth round on. */
const rounds = text.transform((value, context) => {
  const [first, last = first] = /^\d+(\.\.\d+)?$/.test(value) ? value.split('..').map(Number) : []
  if (first !== undefined && first >= 1 && last! >= first && last! <= 1000) return { first, last: last! }
  context.addIssue({
    code: 'custom',
    message: `"${value}" is no number from 1 to 1000; write it as 10, or as 10..30 for as many as it takes`,
  })
  return z.NEVER
})

/** `90s`, `10m`, `1h30m`, as milliseconds. */
const duration = text
  .refine((value) => /^(?=\d)(\d+h)?(\d+m)?(\d+s)?$/.test(value), 'write it as 90s, 10m or 1h30m')
  .transform((value) => {
    const part = (unit: string) => Number(new RegExp(`(\\d+)${unit}`).exec(value)?.[1] ?? 0)
    return (part('h') * 3600 + part('m') * 60 + part('s')) * 1000
  })

const fields = z.object({
  config: text.optional(),
  platform: list.optional(),
  name: many.optional(),
  tag: list.optional(),
  profile: text.default('quick'),
  rounds: rounds.optional(),
  maxDuration: duration.optional(),
  seconds: z.coerce.number().positive().max(3600).optional(),
  timeout: z.coerce.number().positive().max(86_400).optional(),
  seed: text.optional(),
  shard: text
    .refine((value) => /^[1-9]\d*\/[1-9]\d*$/.test(value), 'write it as 2/5')
    .transform((value) => value.split('/').map(Number) as [number, number])
    .refine(([index, count]) => index <= count, 'the first number is at most the second')
    .transform(([index, count]) => ({ index, count }))
    .optional(),
  forbidOnly: z.boolean().optional(),
  duet: z.boolean().optional(),
  remeasure: z.boolean().default(true),
  failFast: z.boolean().default(false),
  lastFailed: z.boolean().default(false),
  saveBaseline: text.optional(),
  baseline: text.optional(),
  margin: z.coerce.number().positive().max(99).default(5),
  allowDifferentHosts: z.boolean().default(false),
  reporter: many.default(['default']),
  json: z.boolean().default(false),
  strict: z.boolean().default(false),
  strictFindings: z.boolean().default(false),
  install: z.boolean().default(false),
  waitForLock: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  verbose: z.boolean().default(false),
  record: text.optional(),
  bench: text.optional(),
  map: text.optional(),
  sources: text.optional(),
  defaultWeight: z.coerce.number().min(0).max(1).optional(),
})

const schema = fields.transform(({ rounds, ...rest }) => ({ ...rest, rounds: rounds?.last, firstLook: rounds?.first }))

export type Options = z.output<typeof schema>

/** Options that may be given several times. */
const repeatable: ReadonlySet<string> = new Set(['platform', 'name', 'tag', 'reporter'])

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The options of the command line, checked. @throws UsageError that names the option. */
export function checkOptions(given: Readonly<Record<string, unknown>>): Options {
  const twice = Object.keys(given).find(
    (name) => Array.isArray(given[name]) && !repeatable.has(name) && name in fields.shape,
  )
  if (twice) throw new UsageError(`--${dashed(twice)} is given more than once`, 'give it once')
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new UsageError(`--${dashed(String(issue.path[0]))}: ${issue.message}`, 'see isobench --help')
}
