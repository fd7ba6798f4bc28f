import type { FindingVerdict, Verdicts } from '../model/verdict.ts'

/** What the process ends with. */
export const exitCodes = {
  clean: 0,
  /** A finding regressed, or a bench's expectation is contradicted. */
  regressed: 1,
  /** Only with `--strict`: something is in doubt, or could not be judged because samples failed. */
  inconclusive: 3,
  /** Not one claim was decided. */
  nothing: 4,
  /** The config, a bench or the command line is wrong. */
  author: 5,
  interrupted: 130,
} as const

export interface ExitCodeOptions {
  readonly strict: boolean
  /** Any departure of the paper's findings fails, also one for the better. */
  readonly strictFindings?: boolean
  readonly interrupted: boolean
  readonly problems: number
}

/**
 * Whether a verdict fails the run: a bench's own expectation always, a finding's claim where its finding gates; with
 * `strictPaper` every finding that is contradicted, whichever way and whatever its gate.
 */
export function failures(
  { claims, findings }: Verdicts,
  strictFindings = false,
): { readonly claims: number[]; readonly findings: number[] } {
  const failed = claims.flatMap((claim, index) =>
    claim.verdict === 'contradicted' && claim.severity === 'fail' && !claim.cpuMode ? [{ claim, index }] : [],
  )
  const gates = ({ failOn: gate, verdict, claims: own }: FindingVerdict) =>
    (strictFindings && verdict === 'contradicted') ||
    failed.some(
      ({ claim, index }) =>
        own.includes(index) && (gate === 'any' || (gate === 'worse' && claim.direction === 'worse')),
    )
  return {
    claims: failed.filter(({ claim }) => claim.finding === null).map(({ index }) => index),
    findings: findings.filter(gates).map(({ id }) => id),
  }
}

/** The exit code of a run. What is worst comes first: a regression is told even where a bench file is broken. */
export function exitCode(
  judgement: Verdicts,
  { strict, strictFindings: strictPaper, interrupted, problems }: ExitCodeOptions,
): number {
  if (interrupted) return exitCodes.interrupted
  const failed = failures(judgement, strictPaper)
  if (failed.claims.length > 0 || failed.findings.length > 0) return exitCodes.regressed
  if (problems > 0) return exitCodes.author
  const gating = judgement.claims.filter(({ severity, cpuMode: apart }) => severity === 'fail' && !apart)
  if (!judgement.claims.some(({ verdict }) => verdict !== 'not-evaluated')) return exitCodes.nothing
  const inDoubt = gating.some(
    ({ verdict, reason }) => verdict === 'inconclusive' || reason?.startsWith('sample-errors'),
  )
  return strict && inDoubt ? exitCodes.inconclusive : exitCodes.clean
}
