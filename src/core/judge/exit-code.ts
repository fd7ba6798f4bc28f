import type { FindingId } from '../../dsl/finding-id.ts'
import { canRun, type Plan } from '../model/plan.ts'
import type { Report } from '../model/report.ts'
import type { ClaimVerdict, FindingVerdict, ReasonCode, Verdicts } from '../model/verdict.ts'

/** What exit code 1 means: each is a reason. */
export const failureTexts = {
  differs: 'something is not as claimed',
  regressed: 'something regressed against the baseline',
  isNew: 'an attack profile has a new name',
} as const

/** The exit codes of every command: the only source of their names and descriptions. */
export const exitCodeList = [
  { code: 0, name: 'clean', description: 'nothing fails the run' },
  {
    code: 1,
    name: 'failed',
    description: `${failureTexts.differs}, ${failureTexts.regressed}, or ${failureTexts.isNew}`,
  },
  {
    code: 3,
    name: 'inconclusive',
    description:
      'with --strict: a verdict is inconclusive, samples failed, a value of 0 has no ratio, or a shard or lines of a ' +
      'record are missing; ' +
      'with --require complete: a finding is open',
  },
  {
    code: 4,
    name: 'nothing',
    description:
      'no claim could be evaluated, a platform that was asked for was not measured, all samples of a claim failed ' +
      'or are absent, or no regression against the baseline could be found',
  },
  {
    code: 5,
    name: 'invalid',
    description:
      'the config, a bench file or the command line is wrong, this host lacks something, a file cannot be written, ' +
      'or a reporter leaves an error behind',
  },
  { code: 130, name: 'interrupted', description: 'interrupted, or the record is of a run that was killed' },
] as const

export type ExitCodeName = (typeof exitCodeList)[number]['name']
export type ExitCode = (typeof exitCodeList)[number]['code']

/** The codes by name: `exitCodes.failed` is 1. */
export const exitCodes = Object.fromEntries(exitCodeList.map(({ name, code }) => [name, code])) as {
  readonly [Name in ExitCodeName]: Extract<(typeof exitCodeList)[number], { readonly name: Name }>['code']
}

/** What an exit code means, for people. */
export const describeExitCode = (code: number): string =>
  exitCodeList.find((one) => one.code === code)?.description ?? 'unknown'

export interface ExitOptions {
  readonly strict: boolean
  /** Every contradicted finding fails the run: also for the better, and whatever its `failOn`. */
  readonly strictFindings?: boolean
  /** A finding that holds only where it was measured, or is not evaluated, gives exit code 3. */
  readonly requireComplete?: boolean
  /** Whether a signal stopped the run, or it was killed: then the samples are only a part. */
  readonly interrupted: boolean
  /** Whether an error that no code handles stopped the run. It is one of the problems. */
  readonly stopped?: boolean
  readonly problems: number
  /** The findings that decide the exit code. All verdicts take part in the correction for many claims. */
  readonly shown?: readonly FindingId[] | undefined
  /** Whether the run is a shard: then the merged record decides, because each shard has only a part of the claims. */
  readonly isProvisional?: boolean
  /** Whether a merged record lacks a shard: with `strict` it is in doubt whatever the verdicts of the others are. */
  readonly lacksShard?: boolean
  /** Whether damaged lines of the record were left out: with `strict` the verdicts rest on an unknown part of it. */
  readonly lacksLines?: boolean
  /** The platforms that a claim needs, that the run planned to measure, and that the record has no samples of. */
  readonly absentPlatforms?: (claim: Claim) => readonly string[]
}

type Claim = Verdicts['claims'][number]
type Finding = Verdicts['findings'][number]

/** Whether a claim can fail the run at all. */
const canFail = ({ claim, cpuMode }: Claim): boolean => claim.severity === 'fail' && cpuMode === null

const isContradicted = ({ outcome }: Claim | Finding): boolean => outcome === 'contradicted'

/** Why a claim was not evaluated although its samples were measured or planned, so that a pass would hide something. */
const doubtful: readonly ReasonCode[] = ['sample-errors', 'shard-missing', 'zero-value']

const isInDoubt = ({ outcome, reason }: Claim): boolean =>
  outcome === 'inconclusive' || (reason !== null && doubtful.includes(reason.code))

/**
 * What is contradicted and fails the run: every expectation of a bench; of a finding's claims those that its `failOn`
 * asks for; with `strictFindings` every contradicted finding. Claims about guests that did not run on hardware never
 * fail a run.
 * @param shown the findings that count; undefined: all of them, and the expectations of benches
 * @returns indices of claims and ids of findings
 */
export function failures(
  { claims, findings }: Verdicts,
  strictFindings = false,
  shown?: readonly FindingId[],
): { readonly claims: number[]; readonly findings: FindingId[] } {
  const fails = (index: number, failOn: Finding['failOn']) => {
    const one = claims[index]!
    if (!canFail(one) || !isContradicted(one)) return false
    return strictFindings || failOn === 'any' || (failOn === 'worse' && one.direction === 'worse')
  }
  const ofFindings = findings.flatMap((finding) => {
    if (shown && !shown.includes(finding.id)) return []
    // A claim under one reading of a part's words does not contradict the part alone.
    const undecided = new Set(
      finding.parts.flatMap(({ readings, outcome, claims }) => (readings && outcome !== 'contradicted' ? claims : [])),
    )
    const failing = finding.claims.filter((index) => !undecided.has(index) && fails(index, finding.failOn))
    return failing.length > 0 || (strictFindings && isContradicted(finding)) ? [{ id: finding.id, failing }] : []
  })
  const own = claims.flatMap((one, index) => (!shown && one.finding === null && fails(index, 'any') ? [index] : []))
  return {
    claims: [...own, ...ofFindings.flatMap(({ failing }) => failing)],
    findings: ofFindings.map(({ id }) => id),
  }
}

/** With `--strict`: what is in doubt and could have failed the run. */
function doubts(
  { claims, findings }: Verdicts,
  isShown: (claim: Claim) => boolean,
): { readonly claims: number[]; readonly findings: FindingId[] } {
  const inDoubt = new Set(
    claims.flatMap((one, index) => (isShown(one) && canFail(one) && isInDoubt(one) ? [index] : [])),
  )
  return {
    claims: [...inDoubt],
    findings: findings.filter((one) => one.claims.some((index) => inDoubt.has(index))).map(({ id }) => id),
  }
}

/** The platforms with only failed samples, or none, in a claim that can fail the run. It would pass without data. */
function brokenPlatforms(
  { claims, findings }: Verdicts,
  strictFindings: boolean,
  absentPlatforms: (claim: Claim) => readonly string[],
  isShown: (id: FindingId | null) => boolean,
): string[] {
  const never = new Set(strictFindings ? [] : findings.flatMap(({ id, failOn }) => (failOn === 'never' ? [id] : [])))
  const broken = claims.flatMap((claim) => {
    const { finding, reason } = claim
    if (!isShown(finding) || !canFail(claim) || (finding !== null && never.has(finding))) return []
    return reason?.code === 'sample-errors' ? reason.platforms : absentPlatforms(claim)
  })
  return [...new Set(broken)]
}

/** Whether samples so far fail the run: a claim is contradicted, or all samples of a claim that can fail it failed. */
export function isFailingSoFar(verdicts: Verdicts, strictFindings = false): boolean {
  const { claims, findings } = failures(verdicts, strictFindings)
  if (claims.length > 0 || findings.length > 0) return true
  // Benches that are measured later have no samples yet.
  const absent = () => []
  return brokenPlatforms(verdicts, strictFindings, absent, () => true).length > 0
}

/** With `--require complete`: findings that hold only where they were measured, or that are not evaluated. */
const openFindings = ({ findings }: Verdicts, isShown: (id: FindingId) => boolean): FindingId[] =>
  findings.flatMap(({ id, outcome, qualitative }) =>
    isShown(id) && qualitative === null && (outcome === 'holds-in-part' || outcome === 'not-evaluated') ? [id] : [],
  )

/** The verdicts of a run with what fails it, and the exit code. */
export interface RunVerdicts {
  readonly claims: ClaimVerdict[]
  readonly findings: FindingVerdict[]
  readonly exit: Report['exit']
}

/** The only place that decides what fails a run. A contradicted claim comes before a broken bench file. */
export function decideExit(verdicts: Verdicts, options: ExitOptions): RunVerdicts {
  const { strict, strictFindings, requireComplete, interrupted, stopped, problems, shown, isProvisional } = options
  const { lacksShard, lacksLines, absentPlatforms = () => [] } = options
  const isShown = (id: FindingId | null) => !shown || (id !== null && shown.includes(id))
  const failed = failures(verdicts, strictFindings, shown)
  const hasFailed = failed.claims.length > 0 || failed.findings.length > 0
  const isEvaluated = verdicts.claims.some(({ outcome, finding }) => isShown(finding) && outcome !== 'not-evaluated')
  const inDoubt = strict ? doubts(verdicts, ({ finding }) => isShown(finding)) : { claims: [], findings: [] }
  const decided = (code: ExitCode, failing: typeof failed = failed): RunVerdicts => {
    const indices = new Set(failing.claims)
    return {
      claims: verdicts.claims.map((one, index) => ({ ...one, failsRun: indices.has(index) })),
      findings: verdicts.findings.map((one) => ({ ...one, failsRun: failing.findings.includes(one.id) })),
      exit: { code, ...failing },
    }
  }
  if (interrupted) return decided(exitCodes.interrupted)
  if (stopped) return decided(exitCodes.invalid)
  if (hasFailed && !isProvisional) return decided(exitCodes.failed)
  if (problems > 0) return decided(exitCodes.invalid)
  if (isProvisional) return decided(exitCodes.clean, { claims: [], findings: [] })
  // Before the codes of stricter options, so that an option never hides that data is missing.
  if (!isEvaluated) return decided(exitCodes.nothing)
  const unmeasured = brokenPlatforms(verdicts, strictFindings ?? false, absentPlatforms, isShown)
  if (unmeasured.length > 0) {
    const verdict = decided(exitCodes.nothing)
    return { ...verdict, exit: { ...verdict.exit, unmeasured } }
  }
  if (strict && (lacksShard || lacksLines)) return decided(exitCodes.inconclusive, inDoubt)
  const open = requireComplete ? openFindings(verdicts, isShown) : []
  if (inDoubt.claims.length > 0 || open.length > 0)
    return decided(exitCodes.inconclusive, {
      claims: inDoubt.claims,
      findings: [...new Set([...inDoubt.findings, ...open])],
    })
  return decided(exitCodes.clean)
}

/**
 * A report is not clean if one of the platforms that the run was asked for was not measured, or if claims that can fail
 * compare with native and the run has no native: it would pass without data. Native may be absent if the run has only
 * benches that it can never run, such as those of snapshots: people name it with every bench.
 * @param plan the platforms of `--platform`, and the benches
 * @param shown the findings that count; undefined: all of them, and the expectations of benches
 */
export function withUnmeasured(report: Report, plan: Plan, shown?: readonly FindingId[]): Report {
  const { claims, cases, exit } = report
  const { platforms, benches, namedPlatforms = [] } = plan
  const measured = new Set(
    cases.flatMap(({ results }) =>
      results.filter(({ samples }) => samples.some(({ judged }) => judged)).map(({ platform }) => platform),
    ),
  )
  const needsNative = claims.some(
    (claim) =>
      canFail(claim) &&
      claim.reason?.code === 'no-native' &&
      (!shown || (claim.finding !== null && shown.includes(claim.finding))),
  )
  // With --findings, a run has only the platforms that the findings need.
  const asked = platforms.filter((platform) => {
    const isUseless = platform.name === 'native' && !benches.some((bench) => canRun(platform, bench))
    return namedPlatforms.includes(platform.name) && !isUseless
  })
  const wanted = new Set([...asked.map(({ name }) => name), ...(needsNative ? ['native'] : [])])
  const missing = [...wanted].filter((name) => !measured.has(name))
  const unmeasured = [...new Set([...missing, ...(exit.unmeasured ?? [])])]
  if (unmeasured.length === 0) return report
  const isReplaced = exit.code === exitCodes.clean || exit.code === exitCodes.inconclusive
  return { ...report, exit: { ...exit, unmeasured, code: isReplaced ? exitCodes.nothing : exit.code } }
}
