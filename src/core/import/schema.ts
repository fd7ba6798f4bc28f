/** Results that were measured elsewhere, as plain JSON: the format of docs/json-report.md, "Importing results". */
import * as z from 'zod'

export const importVersion = 1

const text = z.string().min(1)
const params = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
const figure = z.number().nonnegative()
/** A number, or `[least, most]`. */
const amount = z.union([
  figure,
  z.tuple([figure, figure]).refine(([least, most]) => least <= most, 'write the smaller number first'),
])

/** Which metric of which bench; a bench by its name or its id. */
const about = { bench: text, metric: text, params: params.optional() }

const sampleSet = z.strictObject({
  ...about,
  platform: text,
  /** Any unit that measures the same as the metric's. */
  unit: text,
  /** Numbers, or numbers with the round that they were measured in: those of equal rounds are pairs. */
  values: z.union([
    z.array(figure).min(1),
    z.array(z.strictObject({ round: z.number().int().nonnegative(), value: figure })).min(1),
  ]),
  /** Of what was run: values of different ones are never compared. */
  digest: text.optional(),
})

const source = { note: z.string().optional() }

/** `platforms` as a list means each of them. */
const published = z.union([
  z.strictObject({ ...about, ...source, platforms: z.array(text).min(1), unit: text, value: amount }),
  z.strictObject({ ...about, ...source, platforms: z.array(text).min(1), to: z.array(text).min(1), ratio: amount }),
  /** Over that parameter the metric is best at this value of it; `params` are the others. */
  z.strictObject({ ...about, ...source, platforms: z.array(text).min(1), over: text, peak: amount }),
  z.strictObject({ ...about, ...source, order: z.array(z.array(text).min(1)).min(1) }),
])

export const importSchema = z.strictObject({
  isobench: z.literal('import'),
  version: z.literal(importVersion),
  /** Where it comes from, in a line. */
  source: text,
  /** ISO 8601, and the CPU's model, where they are known. */
  measuredAt: text.optional(),
  cpu: text.optional(),
  kernel: text.optional(),
  /** Those that the config does not have need their family. */
  platforms: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'use a small letter, then small letters, digits and "-"'),
      z.strictObject({
        family: z.enum(['native', 'container', 'secure-container', 'hypervisor', 'unikernel']).optional(),
        version: z.string().optional(),
        cpuMode: z.enum(['emulated', 'nested']).optional(),
      }),
    )
    .default({}),
  samples: z.array(sampleSet).default([]),
  published: z.array(published).optional(),
})

export type Import = z.output<typeof importSchema>
export type ImportedSamples = Import['samples'][number]
export type ImportedStatement = NonNullable<Import['published']>[number]
