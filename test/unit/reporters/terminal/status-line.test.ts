import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProgressEstimator } from '../../../../src/reporters/terminal/status-line.ts'
import { makeRecord } from '../fixture.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the pace of long samples', () => {
  const { plan } = makeRecord(false)
  const [point, other] = plan.cases
  const step = (round: number, done: number, at = point!) => ({
    case: at,
    block: 0,
    platform: 'runc',
    round,
    warmup: false,
    done,
    steps: 8,
  })

  it('shows for how long a step has run, and from the second round on how long it may take', () => {
    const pace = new ProgressEstimator(plan)
    pace.begins(step(0, 0))
    vi.advanceTimersByTime(2000)
    expect(pace.status(200, 0)).not.toMatch(/for \d/)
    vi.advanceTimersByTime(45_000)
    expect(pace.status(200, 0)).toMatch(/ · for 47 s$/)
    pace.begins(step(0, 1, other!))
    vi.advanceTimersByTime(5000)
    expect(pace.status(200, 0)).toMatch(/ · for 5 s$/)
    pace.begins(step(1, 2))
    vi.advanceTimersByTime(12_000)
    expect(pace.status(200, 0)).toMatch(/ · for 12 s of ~47 s$/)
    // It takes longer than the last time: how long is not known any more.
    vi.advanceTimersByTime(40_000)
    expect(pace.status(200, 0)).toMatch(/ · for 52 s$/)
  })

  it('has a line for each block, and for each minute in which nothing else was said', () => {
    const [first, second, ...others] = plan.benches.map(({ id }) => id)
    const pace = new ProgressEstimator({ ...plan, blocks: [[first!], [second!, ...others]] })
    const due: boolean[] = []
    for (let done = 0; done < 6; done++) {
      due.push(pace.begins({ ...step(done % 2, done), block: done < 5 ? 0 : 1 }))
      vi.advanceTimersByTime(30_000)
    }
    expect(due).toEqual([true, false, true, false, true, true])
    expect(pace.line(0)).toMatch(/^benches 2 to 4 of 4 · round 1\/8 · 5 of 8 steps done/)
  })

  it('expects slow steps of a bench to go on as slowly, whatever the steps before took', () => {
    const [fast, slow] = plan.cases
    const only = { ...plan, cases: [fast!, slow!], casePlatforms: { [fast!.id]: ['runc'], [slow!.id]: ['runc'] } }
    const rounds = plan.profile.warmup + plan.profile.rounds
    const pace = new ProgressEstimator(only)
    const steps = 2 * rounds
    for (let done = 0; done < rounds; done++) {
      pace.begins({ ...step(done, done), steps })
      vi.advanceTimersByTime(1000)
    }
    // One step of the second bench took a minute, so each of its other steps should.
    pace.begins({ ...step(0, rounds, slow!), steps })
    vi.advanceTimersByTime(60_000)
    pace.begins({ ...step(1, rounds + 1, slow!), steps })
    expect(pace.left()).toBe(`~${rounds - 1} min left`)
  })
})
