/** What an imported source states in words or numbers, without samples. Part of the run record. */
import * as z from 'zod'

/** A number, or a range of numbers, least first. */
const range = z.tuple([z.number(), z.number()])

export const publishedSchema = z.discriminatedUnion('kind', [
  /** The platform's value, in the metric's unit. */
  z.object({ kind: z.literal('value'), case: z.string(), metric: z.string(), platform: z.string(), value: range }),
  /** platform ÷ each of `to`. */
  z.object({
    kind: z.literal('ratio'),
    case: z.string(),
    metric: z.string(),
    platform: z.string(),
    to: z.array(z.string()),
    ratio: range,
  }),
  /** Where over a parameter the platform is best; `point` is one of that series. */
  z.object({
    kind: z.literal('peak'),
    case: z.string(),
    metric: z.string(),
    platform: z.string(),
    over: z.string(),
    at: range,
  }),
  /** Best first; those of one group are called equal. */
  z.object({ kind: z.literal('order'), case: z.string(), metric: z.string(), order: z.array(z.array(z.string())) }),
])
export type PublishedResult = z.infer<typeof publishedSchema>
