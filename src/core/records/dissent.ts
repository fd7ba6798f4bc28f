import type { Dissent, HostSplit } from '../model/fleet.ts'
import type { FindingOutcome } from '../model/verdict.ts'
import { fisherExact, holm } from '../stats/index.ts'
import { absent } from './host-attributes.ts'

/**
 * What the kinds of host with the rarer verdict have in common. Pure.
 *
 * Each value of each attribute divides the decided kinds of host in two. Attributes that divide them in the same way
 * are one test, because no verdict can distinguish them. Fisher's exact test compares each division with the verdicts,
 * and Holm's correction is over all divisions.
 */

/** The chance of a false association of a statement, over all attributes together. */
export const associationRate = 0.05

/** A kind of host with its verdict. */
export interface JudgedHost {
  readonly id: string
  readonly outcome: FindingOutcome | undefined
  readonly attributes: Readonly<Record<string, string>>
}

/** What a verdict counts as: a finding that holds where it was measured is not contradicted. */
const sides: Partial<Record<FindingOutcome, Dissent['outcome']>> = {
  holds: 'holds',
  'holds-in-part': 'holds',
  contradicted: 'contradicted',
}

interface Division {
  /** Whether each decided host is on the side of the first one. */
  readonly isInside: readonly boolean[]
  readonly attributes: HostSplit['attributes']
}

/** @returns null if all decided kinds of host agree */
export function findDissent(hosts: readonly JudgedHost[]): Dissent | null {
  const decided = hosts.flatMap(({ outcome, ...host }) => {
    const side = outcome && sides[outcome]
    return side ? [{ ...host, side }] : []
  })
  const holding = decided.filter(({ side }) => side === 'holds').length
  const contradicted = decided.length - holding
  if (holding === 0 || contradicted === 0) return null
  const outcome = holding < contradicted ? 'holds' : 'contradicted'
  const isDissenting = decided.map(({ side }) => side === outcome)
  const dissenting = decided.filter((_, at) => isDissenting[at])
  const others = decided.length - dissenting.length
  const splits = testSplits(divisionsOf(decided), isDissenting)
  const separating = splits.find((one) => one.dissenting === dissenting.length && one.others === 0) ?? null
  const smallest = Math.min(...splits.map(({ pValue }) => pValue))
  return {
    outcome,
    hosts: dissenting.map(({ id }) => id),
    others,
    separating,
    nearest: separating ? [] : splits.filter(({ pValue }) => pValue <= smallest * (1 + 1e-9)),
    tests: splits.length,
    leastP: Math.min(
      1,
      splits.length *
        fisherExact([
          [dissenting.length, 0],
          [0, others],
        ]),
    ),
  }
}

/** Every way in which an attribute divides the hosts, with all attributes that do. */
function divisionsOf(hosts: readonly Pick<JudgedHost, 'attributes'>[]): Division[] {
  const divisions = new Map<string, Division>()
  for (const name of new Set(hosts.flatMap(({ attributes }) => Object.keys(attributes)))) {
    const values = hosts.map(({ attributes }) => attributes[name] ?? absent)
    const distinct = new Set(values)
    if (distinct.size < 2) continue
    for (const value of distinct) {
      const isOther = values[0] !== value
      const isInside = values.map((own) => (own === value) !== isOther)
      const key = isInside.map(Number).join('')
      const known = divisions.get(key) ?? { isInside, attributes: [] }
      known.attributes.push({ name, value, isOther })
      divisions.set(key, known)
    }
  }
  return [...divisions.values()]
}

/** The divisions with their p-values, each on the side that more of the dissenting hosts have. */
function testSplits(divisions: readonly Division[], isDissenting: readonly boolean[]): HostSplit[] {
  const all = isDissenting.filter(Boolean).length
  const rest = isDissenting.length - all
  const counted = divisions.map(({ isInside, attributes }) => {
    const [dissenting, others] = [true, false].map(
      (side) => isInside.filter((inside, at) => inside && isDissenting[at] === side).length,
    ) as [number, number]
    const pValue = fisherExact([
      [dissenting, all - dissenting],
      [others, rest - others],
    ])
    return dissenting * rest >= others * all
      ? { attributes: oneEach(attributes), dissenting, others, pValue }
      : {
          attributes: oneEach(attributes.map((one) => ({ ...one, isOther: !one.isOther }))),
          dissenting: all - dissenting,
          others: rest - others,
          pValue,
        }
  })
  const adjusted = holm(counted.map(({ pValue }) => pValue))
  return counted.map((one, at) => ({ ...one, adjustedP: adjusted[at]! }))
}

/** An attribute with two values divides the hosts by either. The value that they have says more than one they lack. */
function oneEach(attributes: HostSplit['attributes']): HostSplit['attributes'] {
  const byName = new Map<string, HostSplit['attributes'][number]>()
  for (const one of attributes) if (!one.isOther || !byName.has(one.name)) byName.set(one.name, one)
  return [...byName.values()]
}
