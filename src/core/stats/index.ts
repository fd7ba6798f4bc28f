/** Statistics of paired rounds: pure functions over numbers, which know nothing of platforms, benches or claims. */
export { type BootstrapOptions, bootstrapInterval } from './bootstrap.ts'
export type { Interval, IntervalOptions } from './interval.ts'
export { benjaminiHochberg, holm } from './multiplicity.ts'
export { countOutliers, mad, median, OUTLIER_MADS, quantile } from './quantile.ts'
export { seeded, shuffled } from './random.ts'
export { rankAgreement } from './rankAgreement.ts'
export {
  alphaShare,
  decideAtInterimLook,
  type InterimData,
  intervalAtLook,
  planLooks,
  pValueOverLooks,
  type SequentialOptions,
  type SequentialPlan,
  spendAlpha,
} from './sequential.ts'
export { hodgesLehmann, signedRankInterval, signedRankPValue } from './signedRank.ts'
export { gaussian, pairedRounds, type Rounds, type RoundsOptions } from './simulate.ts'
export { studentPValue } from './student.ts'
export { ratioInterval, ratioPValue } from './unpaired.ts'
