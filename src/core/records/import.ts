import * as z from 'zod'
import { compareFindingIds } from '../../dsl/finding-id.ts'
import type { PlatformFamily } from '../../dsl/platform.ts'
import { largestFigure } from '../../dsl/rules.ts'
import { wrongOptions } from '../../util/schema-issues.ts'
import { isDay } from '../../util/text.ts'
import { familySchema, paramsSchema } from '../model/claim.ts'
import { type BenchCase, casesOf, type PlannedPlatform, type ScheduledPlan } from '../model/plan.ts'
import type { PublishedResult } from '../model/plan-schema.ts'
import type { Environment, RunRecord, Sample } from '../model/record.ts'
import type { Suite } from '../model/suite.ts'
import { cpuModeSchema } from '../model/vocabulary.ts'
import { convertUnit, type ImportPath, locate, locateSeries, refuse } from './import-places.ts'
import { RecordError } from './record-file.ts'

/** Results that were measured elsewhere, as plain JSON: the format of docs/reference/import.md. */

export const importVersion = 1

const text = z.string().min(1)
const value = z.number().nonnegative().max(largestFigure)
/** A number, or `[least, most]`. */
const amount = z.union([
  value,
  z.tuple([value, value]).refine(([least, most]) => least <= most, 'write the smaller number first'),
])

/** A ratio of 0 has no reverse, and says nothing about a platform that has no value of 0. */
const positive = z.number().positive('a ratio is above 0').max(largestFigure)
/** A ratio, or `[least, most]`. A source that states only the most has a least of 0: `[0, 0.9]` is at most 0.9. */
const ratio = z.union([
  positive,
  z.tuple([value, positive]).refine(([least, most]) => least <= most, 'write the smaller number first'),
])

const time = z.iso.datetime({ offset: true, local: true })
/** A year, a month, a day, or a time of a day. */
const isIsoTime = (when: string): boolean =>
  /^\d{4}(-\d\d){0,2}$/.test(when) ? isDay(when + '0000-01-01'.slice(when.length)) : time.safeParse(when).success

const about = {
  bench: text.describe('name or id of the bench'),
  metric: text.describe('name of the metric'),
  params: paramsSchema.optional().describe('values of the parameters, by name, of one case'),
}

const sampleSetSchema = z
  .strictObject({
    ...about,
    platform: text.describe('name of the platform'),
    unit: text.describe("unit of the values; any unit of the same dimension as the metric's"),
    values: z
      .union([
        z.array(value).min(1),
        z
          .array(
            z
              .strictObject({
                round: z.number().int().nonnegative().describe('number of the round, from 0'),
                value: value.describe('in `unit`'),
              })
              .meta({ id: 'RoundValue', description: 'A value and the round in which it was measured.' }),
          )
          .min(1),
      ])
      .describe(
        'values in `unit`. Values with a round, one for each, are paired by round; plain numbers are not paired',
      ),
    digest: text.optional().describe('identifies what was run; values with different digests are not compared'),
  })
  .meta({ id: 'SampleSet', description: 'The samples of one platform in one case.' })

const publishedFields = { ...about, note: z.string().optional().describe('a comment; isobench ignores it') }
const platforms = z.array(text).min(1).describe('names of platforms; the result is true of each of them')

const publishedSchema = z
  .union([
    z
      .strictObject({
        ...publishedFields,
        platforms,
        unit: text.describe("unit of `value`; any unit of the same dimension as the metric's"),
        value: amount.describe('in `unit`: a number, or `[least, most]`'),
      })
      .meta({ id: 'PublishedValue', description: 'A value that the source states.' }),
    z
      .strictObject({
        ...publishedFields,
        platforms,
        to: z.array(text).min(1).describe('names of the platforms that they are compared with'),
        ratio: ratio.describe(
          'each platform divided by each of `to`: a number above 0, or `[least, most]`; a `least` of 0 leaves it open',
        ),
      })
      .meta({ id: 'PublishedRatio', description: 'A ratio that the source states.' }),
    z
      .strictObject({
        ...publishedFields,
        platforms,
        over: text.describe('name of a parameter; `params` gives the others'),
        peak: amount.describe('the value of `over` at which the platforms are best: a number, or `[least, most]`'),
      })
      .meta({ id: 'PublishedPeak', description: 'Where in a series the source says that platforms are best.' }),
    z
      .strictObject({
        ...publishedFields,
        order: z
          .array(z.array(text).min(1))
          .min(1)
          .describe('names of platforms, best first; those of one group are equal'),
      })
      .meta({ id: 'PublishedOrder', description: 'An order of platforms that the source states.' }),
  ])
  .meta({ id: 'ImportedResult', description: 'A result that the source states without samples.' })

const importedPlatformSchema = z
  .strictObject({
    family: familySchema.optional().describe('required for a platform that the config does not have'),
    version: z.string().optional().describe('version text'),
    cpuMode: cpuModeSchema.default('hardware').describe('how the code of its guests was executed'),
  })
  .meta({ id: 'ImportedPlatform', description: 'A platform of the source.' })

export const importSchema = z
  .strictObject({
    $schema: z.string().optional().describe('path of `import.schema.json`, for editors'),
    isobench: z.literal('import').describe('marks the file as an import'),
    version: z.literal(importVersion).describe('version of the format'),
    source: text.describe('where the results come from, in one line'),
    measuredAt: text
      .refine(isIsoTime, {
        error: ({ input }) =>
          `${JSON.stringify(input)} is not ISO 8601: write 2026, 2026-01-31 or 2026-01-31T12:00:00Z`,
      })
      .optional()
      .describe('when they were measured, ISO 8601: a year, a month, a day or a time'),
    cpu: text.optional().describe('model of the CPU'),
    kernel: text.optional().describe('kernel release'),
    platforms: z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'use a small letter, then small letters, digits and "-"'),
        importedPlatformSchema,
      )
      .default({})
      .describe('platforms, by name'),
    samples: z.array(sampleSetSchema).default([]).describe('samples'),
    published: z.array(publishedSchema).optional().describe('results without samples'),
  })
  .meta({ title: 'isobench import', description: 'Results that were measured elsewhere.' })

export type Import = z.output<typeof importSchema>
export type ImportedSamples = Import['samples'][number]
export type ImportedStatement = NonNullable<Import['published']>[number]

/** A platform of the config, with the family that its driver has. */
export interface ImportTarget {
  readonly name: string
  readonly kind: string
  readonly family: PlatformFamily
}

/** Whether a JSON file says of itself that it is an import. */
export const isImport = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'isobench' in value && value.isobench === 'import'

/**
 * Imported results as a run record, to be judged by the suite's claims.
 * @throws RecordError that says what is wrong, and where in the file.
 */
export function importRecord(file: string, value: unknown, suite: Suite, known: readonly ImportTarget[]): RunRecord {
  const parsed = importSchema.safeParse(value)
  if (!parsed.success) {
    const { message, fix } = wrongOptions(parsed.error.issues, value, importSchema)[0]!
    const reference = 'see docs/reference/import.md'
    throw new RecordError(`${file}: ${message}`, fix ? `${fix}; ${reference}` : reference)
  }
  const given = parsed.data
  const platforms = platformsOf(file, given, known)
  const { samples, points } = samplesOf(file, given, suite)
  const stated = given.published && statementsOf(file, given.published, suite)
  const everywhere = stated ? suite.benches.flatMap(casesOf) : points
  const measured = new Set(everywhere.map(({ bench }) => bench))
  const plan: ScheduledPlan = {
    seed: 'imported',
    profileName: 'imported',
    profile: { rounds: 1 + Math.max(-1, ...samples.map(({ round }) => round)), warmup: 0, seconds: 0, timeout: 0 },
    platforms,
    benches: suite.benches.filter(({ id }) => measured.has(id)),
    cases: everywhere,
    findings: [...suite.findings].sort((a, b) => compareFindingIds(a.id, b.id)),
    excluded: suite.benches.flatMap(({ id }) => (measured.has(id) ? [] : [{ bench: id, reason: 'filter' as const }])),
    ...(stated && { published: stated }),
  }
  return { file, environment: environmentOf(given), plan, problems: suite.problems, samples, status: 'finished' }
}

/** Those of the file are there; the config's others were not measured. */
function platformsOf(file: string, given: Import, known: readonly ImportTarget[]): PlannedPlatform[] {
  const named = [
    ...given.samples.map(({ platform }, at) => ({ names: [platform], at: `samples[${at}]` })),
    ...(given.published ?? []).map((one, at) => ({ names: namesIn(one), at: `published[${at}]` })),
  ]
  const names = new Set([...Object.keys(given.platforms), ...named.flatMap((one) => one.names)])
  const there = [...names].map((name): PlannedPlatform => {
    const { family, version = '', cpuMode = 'hardware' } = given.platforms[name] ?? {}
    const own = known.find((one) => one.name === name)
    const at = named.find((one) => one.names.includes(name))?.at ?? `platforms.${name}`
    return {
      name,
      kind: own?.kind ?? name,
      family:
        family ??
        own?.family ??
        refuse(
          { file, at },
          `: the family of "${name}" is not known`,
          `add to platforms: "${name}": { "family": "hypervisor" }`,
        ),
      tags: [],
      available: true,
      version,
      cpuMode,
    }
  })
  const absent = known.filter(({ name }) => !names.has(name))
  return [
    ...there,
    ...absent.map((one) => ({
      ...one,
      tags: [],
      available: false,
      version: '',
      cpuMode: 'hardware' as const,
      reason: 'not among the imported results',
    })),
  ]
}

function samplesOf(file: string, given: Import, suite: Suite): { samples: Sample[]; points: BenchCase[] } {
  const points = new Map<string, BenchCase>()
  const places = new Map<string, string>()
  const samples = given.samples.flatMap((set, index) => {
    const place = { file, at: `samples[${index}]` }
    const { metric, point } = locate(suite.benches, set, place)
    points.set(point.id, point)
    return set.values.map((one, at): Sample => {
      const [round, value] = typeof one === 'number' ? [at, one] : [one.round, one.value]
      const key = JSON.stringify([point.id, set.platform, set.metric, round])
      const taken = places.get(key)
      if (taken !== undefined) {
        const fix = typeof one === 'number' ? 'write all of them in one list' : 'give each round one value'
        refuse(place, `.values[${at}]: ${set.platform} has a value of round ${round} already: ${taken}`, fix)
      }
      places.set(key, `${place.at}.values[${at}]`)
      return {
        case: point.id,
        platform: set.platform,
        round,
        warmup: false,
        workDigest: set.digest ?? 'imported',
        wallMs: 0,
        outcome: { ok: true, values: { [set.metric]: convertUnit(value, set.unit, metric, place) } },
        ...(typeof one === 'number' && { unpaired: true }),
      }
    })
  })
  return { samples, points: [...points.values()] }
}

const namesIn = (one: ImportedStatement): string[] =>
  'order' in one ? one.order.flat() : [...one.platforms, ...('to' in one ? one.to : [])]

const both = (amount: number | [number, number]): [number, number] =>
  typeof amount === 'number' ? [amount, amount] : amount

/** @throws RecordError for a platform that is named twice: it would be compared with itself, or counted twice */
function refuseRepeated(one: ImportedStatement, place: ImportPath): void {
  const names = namesIn(one)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice === undefined) return
  const field =
    'order' in one ? 'order' : one.platforms.filter((name) => name === twice).length > 1 ? 'platforms' : 'to'
  refuse(place, `.${field}: "${twice}" is named twice`, 'name each platform once')
}

function statementOf(one: ImportedStatement, place: ImportPath, suite: Suite): PublishedResult[] {
  refuseRepeated(one, place)
  if ('peak' in one) {
    const { over, metric, platforms } = one
    const at = both(one.peak)
    const { point } = locateSeries(suite.benches, { ...one, peak: at }, place)
    return platforms.map((platform) => ({ kind: 'peak', case: point.id, metric, platform, over, at }))
  }
  const { metric, point } = locate(suite.benches, one, place)
  const base = { case: point.id, metric: one.metric }
  if ('order' in one) return [{ ...base, kind: 'order', order: one.order }]
  return one.platforms.map((platform): PublishedResult => {
    if ('ratio' in one) return { ...base, kind: 'ratio', platform, to: one.to, ratio: both(one.ratio) }
    const [low, high] = both(one.value).map((value) => convertUnit(value, one.unit, metric, place)) as [number, number]
    return { ...base, kind: 'value', platform, value: [low, high] }
  })
}

/** What a result is about, and what it says of that. Two platforms are always in the same order. */
function contentsOf(one: PublishedResult): (readonly [about: string, said: string])[] {
  const content = (names: readonly string[], said: unknown) =>
    [JSON.stringify([one.kind, one.case, one.metric, ...names]), JSON.stringify(said)] as const
  if (one.kind === 'value') return [content([one.platform], one.value)]
  if (one.kind === 'peak') return [content([one.platform, one.over], one.at)]
  if (one.kind === 'ratio') {
    const { platform, ratio } = one
    const reverse = [1 / ratio[1], 1 / ratio[0]]
    return one.to.map((to) => (platform < to ? content([platform, to], ratio) : content([to, platform], reverse)))
  }
  const ranked = one.order.flatMap((group, rank) => group.map((name) => ({ name, rank })))
  ranked.sort((a, b) => (a.name < b.name ? -1 : 1))
  return ranked.flatMap((a, at) =>
    ranked.slice(at + 1).map((b) => content([a.name, b.name], Math.sign(a.rank - b.rank))),
  )
}

/** @throws RecordError for two results that differ: their order in the file would decide the verdict */
function statementsOf(file: string, statements: readonly ImportedStatement[], suite: Suite): PublishedResult[] {
  const known = new Map<string, { readonly said: string; readonly at: string }>()
  return statements.flatMap((one, index) => {
    const place = { file, at: `published[${index}]` }
    const results = statementOf(one, place, suite)
    for (const [about, said] of results.flatMap(contentsOf)) {
      const first = known.get(about)
      if (first && first.said !== said)
        refuse(place, `: ${first.at} states something else of the same metric and platforms`, 'keep one of them')
      known.set(about, { said, at: place.at })
    }
    return results
  })
}

/** Values that an import lacks are unknown. */
const environmentOf = ({ measuredAt, cpu, kernel, source }: Import): Environment => ({
  startedAt: measuredAt ?? '',
  isobench: `imported: ${source}`,
  node: '',
  cpu: { model: cpu ?? 'an unknown CPU', count: 0, governor: null, smt: null },
  memoryBytes: 0,
  kernel: kernel ?? '',
  commandLine: '',
  virtualization: null,
  kvm: false,
  mitigations: {},
  cgroupVersion: 2,
  guest: { cpus: [], memoryBytes: 0 },
  image: '',
  configDigest: '',
  revision: null,
})
