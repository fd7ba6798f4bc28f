/** Statistics of paired rounds: pure functions over numbers, which know nothing of platforms, benches or claims. */

export { backgroundPValue, type Control, expectedCount, largestCount } from './background.ts'
export { type BootstrapOptions, bootstrapInterval, rankAgreement } from './bootstrap.ts'
export { type ChangePoint, changePointRate, changePoints, minSegment } from './change-points.ts'
export {
  type Dependence,
  minRoundsForDependence,
  testDependence,
  testJointDependence,
} from './dependence.ts'
export { fisherExact, fisherGreater } from './fisher.ts'
export { beyond, type Interval, type IntervalOptions } from './interval.ts'
export { ratioInterval, ratioPValue } from './mann-whitney.ts'
export {
  moderatedPValue,
  moderatedShiftPValue,
  pooledVariance,
  poolVariances,
  sampleVariance,
  shrinkVariance,
  type VariancePrior,
} from './moderated-t.ts'
export { benjaminiHochberg, holm } from './multiplicity.ts'
export { PlatformNoise } from './platform-noise.ts'
export { countOutliers, mad, median, OUTLIER_MADS, quantile } from './quantile.ts'
export { seeded, shuffled } from './random.ts'
export { type Effect, minEffects, type RandomEffects, randomEffects } from './random-effects.ts'
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
export { hodgesLehmann, signedRankInterval, signedRankPValue } from './signed-rank.ts'
