/**
 * A record of the plausible world: every bench of this repository on every platform that it names, and no figure of it
 * real.
 */
import type { RunRecord } from '../../../src/core/model/record.ts'
import type { Suite } from '../../../src/core/model/suite.ts'
import { makeRecord } from '../reporters/fixture.ts'
import { allPlatforms } from './suite.ts'
import { planFor } from './synthetic.ts'
import { worldSamples } from './world-samples.ts'

/** A world in which all findings hold, as a record that says what it is. */
export function worldRecord(suite: Suite, startedAt = '2026-01-01T00:00:00.000Z'): RunRecord {
  const { environment } = makeRecord(false)
  return {
    file: '/project/synthetic-world.jsonl',
    environment: { ...environment, startedAt, cpu: { ...environment.cpu, model: 'no CPU: a synthetic world' } },
    plan: planFor(suite.benches, suite.findings, allPlatforms),
    problems: [],
    samples: worldSamples(suite.benches, allPlatforms),
    status: 'finished',
  }
}
