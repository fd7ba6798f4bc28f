import pc from 'picocolors'
import type { ClaimVerdict, FindingVerdict } from '../../core/judge/judgement.ts'
import type { ReporterContext } from '../reporter.ts'

export type Paint = (text: string) => string

/** Colours by what they mean. */
export interface Ink {
  /** Regressed. */
  readonly bad: Paint
  /** Holds. */
  readonly good: Paint
  /** In doubt, or otherwise than claimed without harm. */
  readonly doubt: Paint
  readonly dim: Paint
  readonly strong: Paint
}

/** Colours where they are wanted; otherwise text as it is. */
export function inkFor({ color }: ReporterContext): Ink {
  const { red, green, yellow, dim, bold } = pc.createColors(color)
  return { bad: red, good: green, doubt: yellow, dim, strong: bold }
}

/** The colour of a verdict. */
export function paintOf(
  { verdict, direction }: Pick<ClaimVerdict | FindingVerdict, 'verdict' | 'direction'>,
  ink: Ink,
): Paint {
  if (verdict === 'holds') return ink.good
  if (verdict === 'undecidable') return ink.dim
  return verdict === 'contradicted' && direction === 'worse' ? ink.bad : ink.doubt
}
