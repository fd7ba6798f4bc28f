/** The plausible world: every finding holds in it, and every part can be contradicted by a change of it. */

import { beforeAll, describe, expect, it } from 'vitest'
import { decideExit } from '../../../src/core/judge/exit-code.ts'
import { judge } from '../../../src/core/judge/judge.ts'
import type { BenchData, Suite } from '../../../src/core/model/suite.ts'
import type { Verdicts } from '../../../src/core/model/verdict.ts'
import { formatFinding } from '../../../src/reporters/format.ts'
import { bySeries } from '../../../src/reporters/summary.ts'
import { worldMutations } from './mutations.ts'
import { contradictedParts, findingsOn, nameOf, partsWithTooFew } from './parts.ts'
import { allPlatforms, built, collectBenches, itWithBuild } from './suite.ts'
import { planFor } from './synthetic.ts'
import { costsOf, rows } from './world.ts'
import { type Change, worldSamples } from './world-samples.ts'

let suite: Suite
let verdicts: Verdicts

beforeAll(async () => {
  if (!built) return
  suite = await collectBenches()
  verdicts = judge(planFor(suite.benches, suite.findings, allPlatforms), worldSamples(suite.benches, allPlatforms))
}, 120_000)

describe('the plausible world', () => {
  itWithBuild('lets every part hold that a bench measures', () => {
    const open = verdicts.findings.flatMap((finding) =>
      finding.parts.flatMap((part, at) => {
        const { unmeasurable } = suite.findings.find(({ id }) => id === finding.id)!.parts[at]!
        if (part.outcome === (unmeasurable === undefined ? 'holds' : 'not-evaluated')) return []
        const text = formatFinding(finding, { ...verdicts, platforms: allPlatforms })
        return [`${nameOf(finding.id, part)} is ${part.outcome}: ${text}`]
      }),
    )
    expect(open).toEqual([])
  })

  itWithBuild('lets every finding hold but 8, of which a part is not measurable, and 28, an argument', () => {
    const others = verdicts.findings.filter(({ outcome }) => outcome !== 'holds')
    expect(others.map(({ id, outcome }) => [id, outcome])).toEqual([
      [8, 'holds-in-part'],
      [28, 'not-evaluated'],
    ])
    // The paper's 28, A1 to A7, and those of newer sources.
    expect(bySeries(verdicts.findings).map(({ series, findings }) => [series, findings.length])).toEqual([
      [undefined, 35],
      ['2026', 7],
    ])
    const options = { strict: true, strictFindings: true, interrupted: false, problems: 0 }
    expect(decideExit(verdicts, options).exit.code).toBe(0)
  })

  itWithBuild('contradicts finding 22 as it is printed, because 21 holds: no world has both', () => {
    const { misprint } = suite.findings.find(({ id }) => id === 22)!
    expect(misprint!.why).toContain('inconsistent with finding 21')
    expect(verdicts.findings.find(({ id }) => id === 22)!.misprint).toMatchObject({ outcome: 'contradicted' })
  })
})

describe('the costs of the plausible world', () => {
  it('are never better than those of native beyond noise, unless it is stated why', () => {
    const better = rows
      .filter(({ belowNative }) => belowNative === undefined)
      .flatMap((row) => {
        const all = costsOf(row)
        return [...all]
          .filter(([, { cost }]) => cost < all.get('native')!.cost * 0.99)
          .map(([name]) => `${row.bench}: ${name}`)
      })
    expect(better).toEqual([])
  })

  it('have a reason each, and cover every platform', () => {
    for (const row of rows) {
      const all = costsOf(row)
      expect(allPlatforms.map(({ name }) => name).filter((name) => !all.has(name))).toEqual([])
      for (const [name, { why }] of all) expect(why.length, `${row.bench}, ${name}`).toBeGreaterThan(5)
    }
  })

  itWithBuild('are about metrics that exist', () => {
    for (const { bench, metric } of rows) {
      const found = suite.benches.filter(({ name, metrics }) => name.startsWith(bench) && metric in metrics)
      expect(found.length, `${bench}: ${metric}`).toBeGreaterThan(0)
    }
  })
})

/** The parts that a change of one bench contradicts. */
function contradictedBy(bench: BenchData, change: Change): string[] {
  const plan = planFor([bench], findingsOn(suite, bench), allPlatforms)
  return contradictedParts(judge(plan, worldSamples([bench], allPlatforms, change)))
}

describe('a change of the plausible world', () => {
  itWithBuild('contradicts each part, two at least exactly that part or those that rest on the same fact', () => {
    const tooFew = partsWithTooFew(suite, function* (claims, bench) {
      for (const { change } of worldMutations(claims, bench, allPlatforms)) yield contradictedBy(bench, change)
    })
    expect(tooFew).toEqual([])
  })
})
