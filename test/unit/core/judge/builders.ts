/** Small plans and synthetic samples, for every test that needs finished measurements. */
import { casesOf, type Plan, type PlannedPlatform } from '../../../../src/core/model/plan.ts'
import type { Environment, FailureCause, RunRecord, Sample } from '../../../../src/core/model/record.ts'
import type { BenchData, FindingData } from '../../../../src/core/model/suite.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import type { PlatformFamily } from '../../../../src/dsl/platform.ts'

export const benchId = 'a.bench.ts#disk'

export const aBench = (over: Partial<BenchData> = {}): BenchData => ({
  id: benchId,
  file: 'a.bench.ts',
  name: 'disk',
  mode: 'run',
  tags: [],
  params: {},
  metrics: { latency: { unit: 'ms', better: 'lower' }, rate: { unit: 'ops/s', better: 'higher' } },
  workload: { name: 'disk', kind: 'commands', lifecycle: 'round' },
  digest: 'code',
  claims: [],
  ...over,
})

export const aPlatform = (name: string, over: Partial<PlannedPlatform> = {}): PlannedPlatform => {
  const family: PlatformFamily = name === 'native' ? 'native' : name === 'gvisor' ? 'secure-container' : 'container'
  return { name, kind: name, family, tags: [], available: true, version: '1', cpuMode: 'hardware', ...over }
}

export const aClaim = (matcher: Matcher, over: Partial<Claim> = {}): Claim => ({
  bench: benchId,
  metric: 'latency',
  matcher,
  on: { by: 'name', names: ['runc'] },
  where: {},
  severity: 'fail',
  ...over,
})

/** A finding of one part with these claims. */
export const aFinding = (claims: readonly Claim[], over: Partial<FindingData> = {}): FindingData => ({
  id: 1,
  title: 'a finding',
  failOn: 'worse',
  file: 'a.bench.ts',
  parts: [{ title: 'a finding', claims }],
  ...over,
})

export function aPlan(over: Partial<Plan> = {}): Plan {
  const benches = over.benches ?? [aBench()]
  return {
    seed: 'seed',
    profileName: 'quick',
    profile: { rounds: 10, warmup: 1, seconds: 1, timeout: 60 },
    platforms: ['native', 'runc', 'gvisor'].map((name) => aPlatform(name)),
    benches,
    cases: benches.flatMap(casesOf),
    findings: [],
    excluded: [],
    ...over,
  }
}

export const planWith = (...claims: Claim[]): Plan => aPlan({ benches: [aBench({ claims })] })

export const aSample = (platform: string, round: number, over: Partial<Sample> = {}): Sample => ({
  case: benchId,
  platform,
  round,
  warmup: false,
  workDigest: 'work',
  wallMs: 1,
  ...withValues({}),
  ...over,
})

/** The outcome of a sample that was measured. */
export const withValues = (values: Readonly<Record<string, number>>): Pick<Sample, 'outcome'> => ({
  outcome: { ok: true, values },
})

/** The outcome of a sample that failed. */
export const withError = (error: string, cause?: FailureCause): Pick<Sample, 'outcome'> => ({
  outcome: { ok: false, error, ...(cause && { cause }) },
})

/** The sample with all of its values multiplied. A failed one stays as it is. */
export const scaled = ({ outcome, ...sample }: Sample, factor: number): Sample => ({
  ...sample,
  outcome: outcome.ok
    ? { ...outcome, values: Object.fromEntries(Object.entries(outcome.values).map(([k, v]) => [k, v * factor])) }
    : outcome,
})

/** The host drifts from round to round, by far more than any margin; what is paired does not see it. */
const drift = (round: number) => 1 + ((round * 7) % 5) * 0.3
/** Up to 0.4 % of noise of the platform's own, never the same twice. */
const jitter = (round: number) => 1 + (((round * 13) % 9) - 4) / 1000 + round * 1e-6

export const rounds = (count: number, from = 0) => Array.from({ length: count }, (_, at) => from + at)

/**
 * Samples of a platform that costs `factor` times what a platform of factor 1 does: both metrics `factor` times worse.
 */
export function costing(
  platform: string,
  factor: number | ((round: number) => number),
  { count = 10, from = 0, ...over }: { count?: number; from?: number } & Partial<Sample> = {},
): Sample[] {
  return rounds(count, from).map((round) => {
    const cost =
      (typeof factor === 'number' ? factor : factor(round)) * drift(round) * (factor === 1 ? 1 : jitter(round))
    return aSample(platform, round, { ...withValues({ latency: 20 * cost, rate: 3000 / cost }), ...over })
  })
}

export const native = (count = 10): Sample[] => costing('native', 1, { count })

/** The same figures without drift or noise: what a limit in a unit is judged by. */
export const steady = (platform: string, latency: number, count = 10): Sample[] =>
  rounds(count).map((round) =>
    aSample(platform, round, withValues({ latency: latency * jitter(round), rate: latency * jitter(round) })),
  )

/** Twice as good in one round as in the next. */
export const erratic = (round: number) => (round % 2 === 0 ? 2 : 0.5) * jitter(round)

export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const item of Object.values(value)) freeze(item)
  }
  return value
}

export const environmentOf = (): Environment => ({
  startedAt: '2026-01-01T00:00:00.000Z',
  isobench: '0.1.0',
  node: 'v20',
  cpu: { model: 'a CPU', count: 2, governor: null, smt: 'off' },
  memoryBytes: 1e9,
  kernel: '6.1',
  commandLine: 'quiet',
  virtualization: null,
  kvm: false,
  mitigations: { meltdown: 'Not affected' },
  cgroupVersion: 1,
  guest: { cpus: [1], memoryBytes: 1e9 },
  image: 'an image',
  configDigest: 'config',
  revision: null,
})

/** The record of a finished run. */
export const aRecord = (over: Partial<RunRecord> = {}): RunRecord => ({
  file: 'x.jsonl',
  environment: environmentOf(),
  plan: aPlan(),
  problems: [],
  samples: [],
  status: 'finished',
  ...over,
})
