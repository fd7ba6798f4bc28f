import type { PlatformFamily } from '../../dsl/platform.ts'
import type { Suite } from '../collect/types.ts'
import type { Environment } from '../environment.ts'
import { type BenchCase, casesOf, type PlannedPlatform } from '../plan/plan.ts'
import { RecordError, type RunRecord } from '../record/reader.ts'
import type { Sample } from '../record/schema.ts'
import type { PublishedResult } from '../record/stated.ts'
import type { ScheduledPlan } from '../schedule/plan.ts'
import { convertUnit, locate, locateSeries, refuse } from './names.ts'
import { type Import, type ImportedStatement, importSchema } from './schema.ts'

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
    const { path, message } = parsed.error.issues[0]!
    throw new RecordError(
      `${file}: ${pathText(path) || 'the file'}: ${message}`,
      'see docs/json-report.md, "Importing results"',
    )
  }
  const given = parsed.data
  const platforms = platformsOf(file, given, known)
  const { samples, points } = samplesOf(file, given, suite)
  const stated = given.published?.flatMap((one, index) => statementOf(one, { file, at: `stated[${index}]` }, suite))
  const everywhere = stated ? suite.benches.flatMap(casesOf) : points
  const measured = new Set(everywhere.map(({ bench }) => bench))
  const plan: ScheduledPlan = {
    seed: 'imported',
    profileName: 'imported',
    profile: { rounds: 1 + Math.max(-1, ...samples.map(({ round }) => round)), warmup: 0, seconds: 0, timeout: 0 },
    platforms,
    benches: suite.benches.filter(({ id }) => measured.has(id)),
    cases: everywhere,
    findings: [...suite.findings].sort((a, b) => a.id - b.id),
    excluded: suite.benches.flatMap(({ id }) => (measured.has(id) ? [] : [{ bench: id, reason: 'filter' as const }])),
    ...(stated && { published: stated }),
  }
  return { file, environment: environmentOf(given), plan, problems: suite.problems, samples, status: 'finished' }
}

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    '',
  )

/** Those of the file are there; the config's others were not measured. */
function platformsOf(file: string, given: Import, known: readonly ImportTarget[]): PlannedPlatform[] {
  const named = [
    ...given.samples.map(({ platform }, at) => ({ names: [platform], at: `samples[${at}]` })),
    ...(given.published ?? []).map((one, at) => ({ names: namesIn(one), at: `stated[${at}]` })),
  ]
  const names = new Set([...Object.keys(given.platforms), ...named.flatMap((one) => one.names)])
  const there = [...names].map((name): PlannedPlatform => {
    const { family, version = '', cpuMode: apart } = given.platforms[name] ?? {}
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
      ...(apart && { cpuMode: apart }),
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
      reason: 'not among the imported results',
    })),
  ]
}

function samplesOf(file: string, given: Import, suite: Suite): { samples: Sample[]; points: BenchCase[] } {
  const points = new Map<string, BenchCase>()
  const samples = given.samples.flatMap((set, index) => {
    const place = { file, at: `samples[${index}]` }
    const { metric, point } = locate(suite.benches, set, place)
    points.set(point.id, point)
    return set.values.map((one, at): Sample => {
      const [round, value] = typeof one === 'number' ? [at, one] : [one.round, one.value]
      return {
        case: point.id,
        platform: set.platform,
        round,
        warmup: false,
        digest: set.digest ?? 'imported',
        wallMs: 0,
        values: { [set.metric]: convertUnit(value, set.unit, metric, place) },
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

function statementOf(one: ImportedStatement, place: { file: string; at: string }, suite: Suite): PublishedResult[] {
  if ('peak' in one) {
    const { over, peak, metric, platforms } = one
    const { point } = locateSeries(suite.benches, one, place)
    return platforms.map((platform) => ({ kind: 'peak', case: point.id, metric, platform, over, at: both(peak) }))
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

/** What an import does not tell is not known, and said so. */
const environmentOf = ({ measuredAt, cpu, kernel, source }: Import): Environment => ({
  startedAt: measuredAt ?? '',
  isobench: `imported: ${source}`,
  node: '',
  cpu: { model: cpu ?? 'a machine that is not told', count: 0, governor: null, smt: null },
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
