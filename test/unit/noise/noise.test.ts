import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { floorOf } from '../../../src/core/noise/floor.ts'
import { again, floorsFor, keepNoise, noiseOf, readNoise } from '../../../src/core/noise/store.ts'
import type { RunRecord } from '../../../src/core/record/reader.ts'
import { gaussian, planLooks, seeded } from '../../../src/core/stats/index.ts'
import { benchId, benchOf, planOf, platformOf, sampleOf } from '../judge/world.ts'

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
    ['native', again].map((platform) => {
      const latency = 20 * Math.exp(cv * gaussian(random))
      return sampleOf(platform, round, { values: { latency, rate: 1 / latency } })
    }),
  )
  const platforms = ['native', again].map((name) => platformOf(name))
  return {
    file: 'a.jsonl',
    environment,
    plan: planOf({ platforms }),
    problems: [],
    samples: samples.flat(),
    how: 'finished',
  }
}

const plan = planOf()

describe('the noise floor', () => {
  it('grows with the noise and falls with the rounds, like the root of their number', () => {
    const floor = (cv: number, rounds: number) =>
      floorsFor(noiseOf(sameTwice(cv, 30)), environment, { ...plan, profile: { ...plan.profile, rounds } })[0]!.d
    expect(floor(0.05, 10)).toBeGreaterThan(2 * floor(0.01, 10))
    expect(floor(0.05, 10) / floor(0.05, 40)).toBeCloseTo(2, 0)
    // CV 5 %: the pair's standard deviation is 7 %, the estimate of 10 rounds 2.3 %, and 95 % of it lie within 4.5 %.
    expect(floor(0.05, 10)).toBeGreaterThan(0.03)
    expect(floor(0.05, 10)).toBeLessThan(0.065)
  })

  it('is the same whenever it is asked for', () => {
    expect(floorOf([0.01, -0.02, 0.03, 0, 0.01], 5)).toBe(floorOf([0.01, -0.02, 0.03, 0, 0.01], 5))
  })

  it('is that of the first look, where there are several', () => {
    const noise = noiseOf(sameTwice(0.05, 30))
    const profile = { ...plan.profile, rounds: 40 }
    const looked = floorsFor(noise, environment, { ...plan, profile, looks: planLooks({ first: 10, last: 40 }) })
    expect(looked).toEqual(floorsFor(noise, environment, { ...plan, profile: { ...profile, rounds: 10 } }))
  })

  it('is not known for another host, another bench’s code, or too few rounds', () => {
    const noise = noiseOf(sameTwice(0.05))
    expect(floorsFor(noise, environment, plan)).toHaveLength(2)
    expect(floorsFor(noise, { ...environment, kernel: '6.2' }, plan)).toEqual([])
    expect(floorsFor(noise, environment, planOf({ benches: [benchOf({ digest: 'other' })] }))).toEqual([])
    expect(floorsFor(undefined, environment, plan)).toEqual([])
    expect(noiseOf(sameTwice(0.05, 4)).measured).toEqual([])
  })
})

describe('the file', () => {
  const root = mkdtempSync(join(tmpdir(), 'isobench-noise-'))
  afterAll(() => rmSync(root, { recursive: true }))

  it('keeps other benches of the host, and nothing of another host', () => {
    const noise = noiseOf(sameTwice(0.05))
    const other = { ...noise, measured: noise.measured.map((one) => ({ ...one, point: 'b.bench.ts#other' })) }
    keepNoise(root, noise)
    const file = keepNoise(root, other)
    expect(readNoise(root)!.measured.map(({ point }) => point)).toEqual([
      benchId,
      benchId,
      'b.bench.ts#other',
      'b.bench.ts#other',
    ])
    keepNoise(root, { ...noise, fingerprint: { ...noise.fingerprint, kernel: 'other' } })
    expect(readNoise(root)!.measured).toHaveLength(2)
    writeFileSync(file, `${readFileSync(file, 'utf8').slice(0, 50)}`)
    expect(readNoise(root)).toBeUndefined()
  })
})
