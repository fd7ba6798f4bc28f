import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { casesOf } from '../../../../src/core/model/plan.ts'
import { folderOf, RecordWriter } from '../../../../src/core/records/record-file.ts'
import { benchSeconds, readStepDurations, stepDurations } from '../../../../src/core/records/step-durations.ts'
import { makeRecord } from '../../reporters/fixture.ts'
import { aBench, aPlan, aPlatform, aSample } from '../judge/builders.ts'

const root = mkdtempSync(join(tmpdir(), 'isobench-durations-'))
afterAll(() => rmSync(root, { recursive: true }))

const bench = aBench()
const [benchCase] = casesOf(bench) as [ReturnType<typeof casesOf>[number]]
const runc = aPlatform('runc')
const took = (wallMs: number, boots: number) =>
  aSample('runc', 0, { wallMs, timeBreakdown: { commands: 1, servers: 0, boots } })

describe('the durations of steps', () => {
  it('are medians of former samples, with the boot apart', () => {
    const durations = stepDurations([took(1500, 300), took(2600, 400), took(9000, 0)], { seconds: 1 })
    expect(durations(benchCase, bench, runc)).toEqual({ sample: 2.2, boot: 0.35 })
  })

  it('are estimates without former samples: longer for slow benches and for emulated boots', () => {
    const durations = stepDurations([], { seconds: 2 })
    const sampleOf = (over: Parameters<typeof aBench>[0], platform = runc) =>
      durations(benchCase, aBench(over), platform).sample
    expect(sampleOf({})).toBeCloseTo(2.3)
    expect(sampleOf({ tags: ['slow'] })).toBeCloseTo(4.6)
    expect(sampleOf({ tags: ['slow'], timeout: 600 })).toBeCloseTo(11.5)
    const boot = { workload: { name: 'boot', kind: 'boot', lifecycle: 'sample' } } as const
    expect(sampleOf(boot)).toBeCloseTo(1.2)
    expect(sampleOf(boot, aPlatform('qemu', { cpuMode: 'emulated' }))).toBeCloseTo(30.3)
  })

  it('add up to the seconds of a bench in a run, with the boots that its lifecycle needs', () => {
    const durations = stepDurations([], { seconds: 1 })
    const profile = { rounds: 10, warmup: 1 }
    const secondsOf = (over: Parameters<typeof aBench>[0]) =>
      benchSeconds(aBench({ params: { size: [1, 2] }, ...over }), runc, profile, durations)
    const lasting = (lifecycle: 'sample' | 'round' | 'run') =>
      secondsOf({ workload: { name: 'work', kind: 'commands', lifecycle } })
    expect(lasting('round')).toBeCloseTo(11 * (2 * 1.3 + 0.3))
    expect(lasting('sample')).toBeCloseTo(11 * 2 * (1.3 + 0.3))
    expect(lasting('run')).toBeCloseTo(11 * 2 * 1.3 + 0.3)
    // A boot is the sample itself.
    expect(secondsOf({ workload: { name: 'boot', kind: 'boot', lifecycle: 'sample' } })).toBeCloseTo(11 * 2 * 1.2)
  })

  it('are read from records with the same sample length; a broken record counts for nothing', () => {
    const { environment } = makeRecord(false)
    const plan = aPlan()
    const writer = RecordWriter.start(folderOf(root), 'former', environment, plan, [])
    writer.sample(took(5000, 0))
    writer.end('finished')
    writeFileSync(join(root, '.isobench/runs/9-broken.jsonl'), 'no record\n')
    const sample = (seconds: number) => readStepDurations(root, { seconds })(benchCase, bench, runc).sample
    expect([sample(1), sample(2)]).toEqual([5, 2.3])
  })
})
