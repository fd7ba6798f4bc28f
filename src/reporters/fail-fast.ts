import { failures } from '../core/judge/exit-code.ts'
import { judge } from '../core/judge/judge.ts'
import { type Plan, plannedResults } from '../core/plan/plan.ts'
import type { Sample } from '../core/record/schema.ts'
import type { Reporter } from '../core/reporting.ts'

/**
 * Tells `reporter` everything, and calls `stop` once at the end of a round after which something already fails the run.
 * Judging after every round is looking often at the same data: more false alarms than the 5 % of one look.
 */
export function failFast(reporter: Required<Reporter>, stop: () => void): Required<Reporter> {
  let plan: Plan | undefined
  let perRound = 0
  let stopped = false
  const samples: Sample[] = []
  const ofRound = new Map<number, number>()
  const look = () => {
    if (!plan || stopped) return
    const { claims, findings } = failures(judge(plan, samples))
    if (claims.length + findings.length === 0) return
    stopped = true
    stop()
  }
  return {
    ...reporter,
    onPlan(planned) {
      plan = planned
      perRound = plannedResults(plan).length
      reporter.onPlan(planned)
    },
    onSample(sample) {
      reporter.onSample(sample)
      samples.push(sample)
      const number = (ofRound.get(sample.round) ?? 0) + 1
      ofRound.set(sample.round, number)
      if (!sample.warmup && number === perRound) look()
    },
    // A round that left something out has fewer samples: its end is where the next one begins.
    onStepStart(progress) {
      const before = samples.at(-1)
      const shorter = before && !before.warmup && (ofRound.get(before.round) ?? 0) < perRound
      if (shorter && before.round !== progress.round) look()
      reporter.onStepStart(progress)
    },
  }
}
