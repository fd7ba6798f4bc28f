import { describeExitCode, exitCodes } from '../core/judge/exit-code.ts'
import type { Dissent, Fleet, FleetRatio, FleetVerdict, HostKind, HostSplit } from '../core/model/fleet.ts'
import type { FindingOutcome } from '../core/model/verdict.ts'
import { associationRate } from '../core/records/dissent.ts'
import { minEffects } from '../core/stats/index.ts'
import { listText, plural, sanitize } from '../util/text.ts'
import { figure, formatAssertion } from './format.ts'
import { caseName, outcomeName, shardsText, verdictSymbols } from './summary.ts'

/** The words of a comparison of kinds of host, for the terminal and for the page. */

/** `8 × A CPU, Linux 6.1.0, Debian 12, in a VM (KVM)`. */
export function kindText({ environment }: Pick<HostKind, 'environment'>): string {
  const { cpu, kernel, distribution, virtualization } = environment
  const parts = [
    `${cpu.count} × ${cpu.model}`,
    `Linux ${kernel}`,
    ...(distribution === undefined ? [] : [distribution]),
    ...(virtualization === null ? [] : [`in a VM (${virtualization})`]),
  ]
  return sanitize(parts.join(', '), 200)
}

const countedOutcomes: readonly FindingOutcome[] = [
  'holds',
  'holds-in-part',
  'contradicted',
  'inconclusive',
  'not-evaluated',
]

/** `holds on 17 of 20, contradicted on 3 (2 worse, 1 better)`. */
export function countsText({ counts, hosts }: FleetVerdict): string {
  const stated = hosts.filter((one) => one !== null)
  const directions = (['worse', 'better'] as const).flatMap((direction) => {
    const number = stated.filter((one) => one.direction === direction).length
    return number > 0 ? [`${number} ${direction}`] : []
  })
  const texts = countedOutcomes.flatMap((outcome) => {
    const number = counts[outcome]
    if (number === 0) return []
    const detail = outcome === 'contradicted' && directions.length > 0 ? ` (${directions.join(', ')})` : ''
    return [`${outcomeName(outcome)} on ${number}${detail}`]
  })
  const [first = 'not stated', ...rest] = texts
  return [`${first.replace(/ on \d+/, `$& of ${stated.length}`)}`, ...rest].join(', ')
}

/** Whether a row says that hosts differ, or that something is wrong on all of them. */
export const isNotable = ({ dissent, counts }: FleetVerdict): boolean => dissent !== null || counts.contradicted > 0

/** What a row states: `2: All containers are on par`, or `disk rw=randread: latency of runc within 5 % of native`. */
export function statementText({ finding, title, claim, bench, params, platforms, unit }: FleetVerdict): string {
  if (!claim || !bench) return sanitize(finding === null ? title : `${finding}: ${title}`)
  const about = platforms.length > 0 ? ` of ${platforms.join(', ')}` : ''
  return sanitize(`${caseName(bench, params)}: ${claim.metric}${about} ${formatAssertion({ claim, unit })}`)
}

/** The mark of each kind of host, in their order. */
export const marksOf = ({ hosts }: FleetVerdict): string[] =>
  hosts.map((one) => (one ? verdictSymbols[one.outcome] : '·'))

/** What was set on purpose comes before what follows from it. */
const ranks = [/^kernel parameter /, /^(?!.*mitigation )/, /^state of mitigation /, /^mitigation /]
const rankOf = ({ name }: HostSplit['attributes'][number]): number => ranks.findIndex((rank) => rank.test(name))

const attributeText = ({ name, value, isOther }: HostSplit['attributes'][number]): string =>
  sanitize(`${name}: ${isOther ? 'not ' : ''}${value}`, 120)

/** The attributes of a split, those that say most first. Details of a mitigation add nothing to its state. */
export function attributeTexts({ attributes }: HostSplit): string[] {
  const names = new Set(attributes.map(({ name }) => name))
  return attributes
    .filter(({ name }) => !names.has(`state of ${name}`))
    .sort((a, b) => rankOf(a) - rankOf(b))
    .map(attributeText)
}

const chance = (p: number): string => (p < 0.001 ? p.toExponential(1) : p.toPrecision(2))

const testText = (tests: number): string =>
  `Fisher's exact test, Holm's correction for ${plural(tests, 'division')} by attributes`

/** The most attributes that a sentence lists. */
const mostAttributes = 8

/** Who dissents, what they have in common, and how likely that is chance, a sentence each. */
export function dissentSentences(dissent: Dissent): string[] {
  const { outcome, hosts, others, separating, tests } = dissent
  const who = `${outcome === 'holds' ? 'Holds' : 'Contradicted'} on ${listText(hosts)}.`
  if (separating) return [who, ...separatingSentences(separating, dissent)]
  const [nearest, ...ties] = dissent.nearest
  if (!nearest) return [who, 'These kinds of host differ in no recorded attribute.']
  const share = `${nearest.dissenting} of ${hosts.length} dissenting and ${nearest.others} of ${others} others have it`
  const more = ties.length > 0 ? ` ${plural(ties.length, 'other division is', 'other divisions are')} as near.` : ''
  return [
    who,
    'No attribute separates them from the others.',
    `Nearest: ${listText(attributeTexts(nearest), mostAttributes)} (${share}; p = ${chance(nearest.adjustedP)}, ` +
      `${testText(tests)}).${nearest.adjustedP > associationRate ? ' That may be chance.' : ''}${more}`,
  ]
}

function separatingSentences(split: HostSplit, { others, tests, leastP }: Dissent): string[] {
  const texts = attributeTexts(split)
  const isChance = split.adjustedP > associationRate
  return [
    `They have, and none of the ${others} others has: ${listText(texts, mostAttributes)}.`,
    ...(texts.length > 1
      ? [`The same hosts have all ${texts.length}, so the verdicts cannot show which of them matters.`]
      : []),
    `p = ${chance(split.adjustedP)} (${testText(tests)}).${isChance ? ' That may be chance.' : ''}`,
    ...(isChance && leastP > associationRate
      ? [`With so few dissenting hosts, no attribute could have a p below ${chance(leastP)}.`]
      : []),
  ]
}

/** A record that is left out, and why. Most reasons name the file. */
export const leftOutText = ({ file, why }: Fleet['leftOut'][number]): string =>
  why.startsWith(file) ? why : `${file}: ${why}`

/** What a reader must know of all verdicts. */
export function fleetNotes({ hosts, verdicts, falseAlarms, leftOut }: Fleet): string[] {
  const contradicted = verdicts.some(({ counts }) => counts.contradicted > 0)
  const dissents = verdicts.filter(({ dissent }) => dissent).length
  return [
    ...(hosts.length === 1 ? ['There is one kind of host, so there is nothing to compare it with.'] : []),
    ...(contradicted && hosts.length > 1
      ? [
          `Each kind of host is judged alone, with a chance of at most ${100 * falseAlarms.perHost} % of any false ` +
            `contradiction. Of ${hosts.length} kinds, up to ${figure(falseAlarms.expected)} may have one.`,
        ]
      : []),
    ...(dissents > 0
      ? [
          'An attribute that dissenting hosts share need not be the cause. The p-values are corrected within a ' +
            `statement: of ${plural(dissents, 'statement')} with dissent, up to ` +
            `${figure(associationRate * dissents)} may have an association by chance.`,
        ]
      : []),
    ...hosts.flatMap(({ id, overloadedClaims }) =>
      overloadedClaims > 0
        ? [
            `${id} was overloaded: other processes used half of its CPUs in most rounds, so ` +
              `${plural(overloadedClaims, 'claim')} could not be decided there.`,
          ]
        : [],
    ),
    ...hosts.flatMap(({ id, missingShards }) =>
      missingShards.length > 0
        ? [`${id} lacks samples of ${shardsText(missingShards)}: claims about their benches are not evaluated there.`]
        : [],
    ),
    ...(leftOut.length > 0 ? [`${plural(leftOut.length, 'record')} left out.`] : []),
  ]
}

/** The exit code, why, and the kinds of host that make it other than 0. */
export function exitText({ exit, hosts, verdicts, leftOut }: Fleet): string {
  const made = exit.hosts.length > 0 ? ` (${listText(exit.hosts)})` : ''
  if (exit.code !== exitCodes.inconclusive) return `exit code ${exit.code}: ${describeExitCode(exit.code)}${made}`
  const open = new Set(exit.hosts)
  const lost = hosts.some(({ id, missingShards }) => open.has(id) && missingShards.length > 0)
  const isOpen = verdicts.some((verdict) =>
    verdict.hosts.some((one, at) => one?.failsRun && one.outcome === 'inconclusive' && open.has(hosts[at]!.id)),
  )
  const reasons = [
    ...(isOpen ? ['a verdict is inconclusive'] : []),
    ...(lost ? ['a shard is missing'] : []),
    ...(open.size === 0 && leftOut.length > 0 ? [`${plural(leftOut.length, 'record')} left out`] : []),
  ]
  const why = reasons.length > 0 ? listText(reasons) : 'samples failed'
  return `exit code ${exit.code}: with --strict, ${why}${made}`
}

/** How the ratios were made. */
export const ratioNote =
  'Ratios to native, geometric means over rounds. Mean: random effects over kinds of host (Paule-Mandel, ' +
  'Hartung-Knapp), with its 90 % interval. Next host: the 90 % prediction interval for one more kind of host. ' +
  'I²: the share of the variation that is between kinds of host.'

/** Why a ratio has no summary. */
export const noSummaryText = ({ hosts }: FleetRatio): string =>
  `${plural(hosts.length, 'kind')} of host: at least ${minEffects} are needed to know how much they differ`

/** `0.92 (H1), 1.04 (H2)`, the first ones. */
export const hostRatiosText = ({ hosts }: FleetRatio): string =>
  listText(
    hosts.map(({ host, ratio }) => `${figure(ratio)} (${host})`),
    6,
  )

/** A range without its estimate. */
export const rangeText = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `${figure(low)} to ${figure(high)}`

/** The platform of a row, with the mode if its guests did not run on hardware. */
export const ratioPlatform = ({ platform, cpuMode }: FleetRatio): string =>
  sanitize(cpuMode === 'hardware' ? platform : `${platform} (${cpuMode})`, 40)
