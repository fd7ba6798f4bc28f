import pc from 'picocolors'
import type { ClaimVerdict, FindingVerdict } from '../../core/judge/judgement.ts'
import type { ReporterContext } from '../reporter.ts'

export type Colorize = (text: string) => string

/** Colours by what they mean. */
export interface Colors {
  /** Regressed. */
  readonly bad: Colorize
  /** Holds. */
  readonly good: Colorize
  /** In doubt, or otherwise than claimed without harm. */
  readonly doubt: Colorize
  readonly dim: Colorize
  readonly strong: Colorize
}

/** Colours where they are wanted; otherwise text as it is. */
export function createColors({ color }: ReporterContext): Colors {
  const { red, green, yellow, dim, bold } = pc.createColors(color)
  return { bad: red, good: green, doubt: yellow, dim, strong: bold }
}

/** The colour of a verdict. */
export function verdictColor(
  { verdict, direction }: Pick<ClaimVerdict | FindingVerdict, 'verdict' | 'direction'>,
  ink: Colors,
): Colorize {
  if (verdict === 'holds') return ink.good
  if (verdict === 'not-evaluated') return ink.dim
  return verdict === 'contradicted' && direction === 'worse' ? ink.bad : ink.doubt
}
