import { hodgesLehmann, quantile, seeded } from '../stats/index.ts'

const resamples = 2000

/**
 * What two equal platforms seem to differ by, in 95 of 100 runs of so many rounds on this host: the 95th percentile of
 * |estimate| over bootstrap resamples of the rounds of an A/A run. As a difference of logarithms. A single round differs by
 * more, and a run does not judge by a single round.
 * Source: B. Efron, Ann. Stat. 7 (1979) 1–26.
 * @param d differences of native and native, a round each
 * @param rounds of the run that is to be judged
 */
export function smallestMargin(d: readonly number[], rounds: number): number {
  const random = seeded(`noise floor ${d.length} ${rounds}`)
  const draw = () => Array.from({ length: rounds }, () => d[Math.floor(random() * d.length)]!)
  return quantile(
    Array.from({ length: resamples }, () => Math.abs(hodgesLehmann(draw()))),
    0.95,
  )
}
