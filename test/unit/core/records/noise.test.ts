import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import {
  measuredNoise,
  noiseFloorsFor,
  readNoise,
  saveNoise,
  secondNative,
  smallestMargin,
} from '../../../../src/core/records/noise.ts'
import { planLooks, seeded } from '../../../../src/core/stats/index.ts'
import { gaussian } from '../../../calibration/simulate.ts'
import { aBench, aPlan, aPlatform, aSample, benchId, withValues } from '../judge/builders.ts'

const environment: RunRecord['environment'] = {
  startedAt: '2026-01-01T00:00:00.000Z',
  isobench: '0.1.0',
  node: 'v20',
  cpu: { model: 'a CPU', count: 2, governor: null, smt: null },
  memoryBytes: 1e9,
  kernel: '6.1',
  commandLine: '',
  virtualization: null,
  kvm: false,
  mitigations: {},
  cgroupVersion: 1,
  guest: { cpus: [1], memoryBytes: 1e9 },
  image: 'an image',
  configDigest: 'config',
  revision: null,
}

function sameTwice(cv: number, count = 10): RunRecord {
  const random = seeded(`same ${cv}`)
  const samples = Array.from({ length: count }, (_, round) =>
    ['native', secondNative].map((platform) => {
      const latency = 20 * Math.exp(cv * gaussian(random))
      return aSample(platform, round, withValues({ latency, rate: 1 / latency }))
    }),
  )
  const platforms = ['native', secondNative].map((name) => aPlatform(name))
  return {
    file: 'a.jsonl',
    environment,
    plan: aPlan({ platforms }),
    problems: [],
    samples: samples.flat(),
    status: 'finished',
  }
}

const plan = aPlan()

describe('the noise floor', () => {
  it('grows with the noise and falls with the rounds, like the root of their number', () => {
    const floor = (cv: number, rounds: number) =>
      noiseFloorsFor(measuredNoise(sameTwice(cv, 30)), environment, {
        ...plan,
        profile: { ...plan.profile, rounds },
      })[0]!.logRatio
    expect(floor(0.05, 10)).toBeGreaterThan(2 * floor(0.01, 10))
    expect(floor(0.05, 10) / floor(0.05, 40)).toBeCloseTo(2, 0)
    // CV 5 %: the pair's standard deviation is 7 %, the estimate of 10 rounds 2.3 %, and 95 % of it lie within 4.5 %.
    expect(floor(0.05, 10)).toBeGreaterThan(0.03)
    expect(floor(0.05, 10)).toBeLessThan(0.065)
  })

  it('is the same whenever it is asked for', () => {
    expect(smallestMargin([0.01, -0.02, 0.03, 0, 0.01], 5)).toBe(smallestMargin([0.01, -0.02, 0.03, 0, 0.01], 5))
  })

  it('is that of the first look, where there are several', () => {
    const noise = measuredNoise(sameTwice(0.05, 30))
    const profile = { ...plan.profile, rounds: 40 }
    const looked = noiseFloorsFor(noise, environment, {
      ...plan,
      profile,
      sequential: planLooks({ first: 10, last: 40 }),
    })
    expect(looked).toEqual(noiseFloorsFor(noise, environment, { ...plan, profile: { ...profile, rounds: 10 } }))
  })

  it('is not known for another host, another bench’s code, or too few rounds', () => {
    const noise = measuredNoise(sameTwice(0.05))
    expect(noiseFloorsFor(noise, environment, plan)).toHaveLength(2)
    expect(noiseFloorsFor(noise, { ...environment, kernel: '6.2' }, plan)).toEqual([])
    expect(noiseFloorsFor(noise, environment, aPlan({ benches: [aBench({ digest: 'other' })] }))).toEqual([])
    expect(noiseFloorsFor(undefined, environment, plan)).toEqual([])
    expect(measuredNoise(sameTwice(0.05, 4)).measured).toEqual([])
  })
})

describe('the file', () => {
  const root = mkdtempSync(join(tmpdir(), 'isobench-noise-'))
  afterAll(() => rmSync(root, { recursive: true }))

  it('keeps other benches of the host, and nothing of another host', () => {
    const noise = measuredNoise(sameTwice(0.05))
    const other = { ...noise, measured: noise.measured.map((one) => ({ ...one, case: 'b.bench.ts#other' })) }
    saveNoise(root, noise)
    const file = saveNoise(root, other)
    expect(readNoise(root)!.measured.map(({ case: point }) => point)).toEqual([
      benchId,
      benchId,
      'b.bench.ts#other',
      'b.bench.ts#other',
    ])
    saveNoise(root, { ...noise, fingerprint: { ...noise.fingerprint, kernel: 'other' } })
    expect(readNoise(root)!.measured).toHaveLength(2)
    writeFileSync(file, `${readFileSync(file, 'utf8').slice(0, 50)}`)
    expect(readNoise(root)).toBeUndefined()
  })
})
