import { hasCollapsed, pairedDifferences, Samples, worseSign } from '../judge/samples.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { FleetRatio } from '../model/fleet.ts'
import { type BenchCase, measuredOn } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import { type BenchData, benchById, infoOf } from '../model/suite.ts'
import { minEffects, poolVariances, randomEffects, sampleVariance, shrinkVariance } from '../stats/index.ts'

/** Ratios to native of several kinds of host, each with its random-effects summary on a logarithmic scale. Pure. */

/** The fewest pairs of rounds that have a variance. */
const minPairs = 2

/** A ratio to native on one kind of host. */
export interface MeasuredRatio extends Omit<FleetRatio, 'hosts' | 'otherWork' | 'summary'> {
  /** Of the compiled bench file. */
  readonly digest: string
  /** ln(platform / native) of each pair of rounds. */
  readonly logs: readonly number[]
}

/** The ratios of a record, of all platforms and metrics that have at least two pairs. */
export function measuredRatios({ plan, samples }: Pick<RunRecord, 'plan' | 'samples'>): MeasuredRatio[] {
  const all = new Samples(samples)
  return plan.cases.flatMap((benchCase) => {
    const bench = benchById(plan.benches, benchCase.bench)!
    const info = infoOf(bench, plan.benches)
    const platforms = measuredOn(plan, benchCase).filter((name) => name !== 'native')
    return platforms.flatMap((platform) => ratiosOf(benchCase, bench, info, platform, all, plan))
  })
}

function ratiosOf(
  { id, params }: BenchCase,
  bench: BenchData,
  info: BenchInfo,
  platform: string,
  samples: Samples,
  { platforms }: RunRecord['plan'],
): MeasuredRatio[] {
  const cpuMode = platforms.find(({ name }) => name === platform)?.cpuMode ?? 'hardware'
  return Object.entries(bench.metrics).flatMap(([name, metric]) => {
    const own = samples.series(id, platform, name, 'native')
    const native = samples.series(id, 'native', name, platform)
    const pairs = own.unpaired || native.unpaired ? [] : pairedDifferences(own, native, metric)
    if (!Array.isArray(pairs) || pairs.length < minPairs || hasCollapsed(pairs)) return []
    return {
      bench: info,
      case: id,
      params: { ...params },
      metric: name,
      better: metric.better,
      platform,
      cpuMode,
      digest: bench.digest,
      logs: pairs.map(({ d }) => worseSign(metric) * d),
    }
  })
}

interface HostRatios {
  readonly id: string
  readonly ratios: readonly MeasuredRatio[]
}

/** The ratios of all kinds of host, those that differ most between hosts first. */
export function fleetRatios(hosts: readonly HostRatios[]): FleetRatio[] {
  const rows = new Map<string, { readonly host: string; readonly ratio: MeasuredRatio }[]>()
  for (const { id, ratios } of hosts)
    for (const ratio of ratios) {
      const key = JSON.stringify([ratio.case, ratio.metric, ratio.platform, ratio.cpuMode])
      const row = rows.get(key)
      if (row) row.push({ host: id, ratio })
      else rows.set(key, [{ host: id, ratio }])
    }
  const spread = ({ summary }: FleetRatio) => summary?.spread ?? 0
  return [...rows.values()].map(fleetRatio).sort((a, b) => spread(b) - spread(a))
}

function fleetRatio(row: readonly { readonly host: string; readonly ratio: MeasuredRatio }[]): FleetRatio {
  const { digest: _, logs: __, ...about } = row[0]!.ratio
  const digest = mostFrequent(row.map(({ ratio }) => ratio.digest))
  const same = row.filter(({ ratio }) => ratio.digest === digest)
  return {
    ...about,
    hosts: same.map(({ host, ratio: { logs } }) => ({ host, ratio: Math.exp(mean(logs)), rounds: logs.length })),
    otherWork: row.filter(({ ratio }) => ratio.digest !== digest).map(({ host }) => host),
    summary: summarize(same.map(({ ratio }) => ratio.logs)),
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0)

/** The most frequent text, the first of equally frequent ones. */
function mostFrequent(texts: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}

/**
 * The random-effects summary.
 *
 * The variance of five rounds can be small by chance, and the host would have too much weight. For the mean it is
 * therefore raised towards that of the other hosts, as in the moderated t test. Differences between hosts are estimated
 * with the plain variances, because raised ones hide them. docs/evidence/unlike-hosts.md has the coverage.
 * @param hosts logarithms of ratios, at least two of each host
 * @returns null with fewer than `minEffects` hosts
 */
export function summarize(hosts: readonly (readonly number[])[]): FleetRatio['summary'] {
  if (hosts.length < minEffects) return null
  const variances = hosts.map((logs) => ({ variance: sampleVariance(logs), degrees: logs.length - 1 }))
  const raised = ({ variance, degrees }: (typeof variances)[number], at: number) =>
    shrinkVariance(
      variance,
      degrees,
      poolVariances(variances, (one) => one === variances[at]),
    ).variance
  const effectsWith = (of: typeof raised) =>
    hosts.map((logs, at) => ({ estimate: mean(logs), variance: of(variances[at]!, at) / logs.length }))
  const { estimate, low, high } = randomEffects(effectsWith(raised))
  const { prediction, betweenVariance, inconsistency } = randomEffects(effectsWith(({ variance }) => variance))
  return {
    ratio: Math.exp(estimate),
    low: Math.exp(low),
    high: Math.exp(high),
    prediction: { low: Math.exp(prediction.low), high: Math.exp(prediction.high) },
    spread: Math.exp(Math.sqrt(betweenVariance)),
    inconsistency,
  }
}
