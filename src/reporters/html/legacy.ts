import { type Html, rawHtml } from './tag.ts'
import * as verdicts from './verdicts.ts'

/** The parts of the page that verdicts.ts still makes as strings. */

const wrap =
  <A extends unknown[]>(make: (...args: A) => string) =>
  (...args: A): Html =>
    rawHtml(make(...args))

export const baselineHtml = wrap(verdicts.baselineHtml)
export const findingsHtml = wrap(verdicts.findingsHtml)
export const claimsHtml = wrap(verdicts.claimsHtml)
export const claimsForChart = wrap(verdicts.claimsForChart)
