import * as z from 'zod'

/** What a run's weighted scores were made of: pinned in its record, because scores change every day. */
export const weightsSourceSchema = z.object({
  /** The EPSS model and the date of its scores, as the file says them; null where it does not. */
  model: z.string().nullable(),
  date: z.string().nullable(),
  /** SHA-256 of the files that were imported. */
  scores: z.string(),
  map: z.string(),
  sources: z.string().nullable(),
  /** What a name without data weighs. */
  fallback: z.number(),
})

export type WeightsSource = z.infer<typeof weightsSourceSchema>
