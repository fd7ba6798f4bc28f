/** Verdicts on real guests, where the truth is known: a guest with a CPU quota is slower by so much, and native is native. */
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { median } from '../../src/core/stats/index.ts'
import { type Outcome, Project } from './support/cli.ts'

/** native in a cgroup that gets a share of its CPU, in periods of 10 ms, so that a short sample sees many of them. */
const config = (share: number) => `import { existsSync, writeFileSync } from 'node:fs'
import { defineConfig, platform } from 'isobench'

const roots = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']
const throttle = (group: string, share: number) => {
  const v1 = roots.find((root) => existsSync(root + '/' + group))
  if (!v1) return writeFileSync('/sys/fs/cgroup/' + group + '/cpu.max', share * 10_000 + ' 10000')
  writeFileSync(v1 + '/' + group + '/cpu.cfs_period_us', '10000')
  writeFileSync(v1 + '/' + group + '/cpu.cfs_quota_us', String(share * 10_000))
}

const driver = (share: number) => ({
  kind: 'slow',
  family: 'container' as const,
  about: 'native with a part of its CPU',
  options: { parse: (value: unknown) => value },
  requirements: () => [],
  once: async (place: any, argv: any) => place.inside(['chroot', await place.view(), ...argv]),
  open: async (place: any) => {
    const view = await place.view()
    throttle(place.relativeGroup('host'), share)
    return { enter: (argv: any) => place.inside(['chroot', view, ...argv]) }
  },
})

export default defineConfig({
  platforms: [
    platform('native'),
    platform('runc'),
    platform('slow', { driver: driver(${share}) }),
    platform('slow', { name: 'slower', driver: driver(0.2) }),
    platform('native', { name: 'twin' }),
  ],
  profiles: { quick: { warmup: 0 } },
})
`

const bench = (claims: string) => `import { bench, expect, finding, higher, workload } from 'isobench'
import { sysbench } from 'isobench/tools'
const primes = workload('primes', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 5000, seconds }))
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})
export const it = bench('primes', primes)
${claims}
`

const project = (share: number, claims = '') =>
  Project.with({ 'isobench.config.ts': config(share), 'benches/primes.bench.ts': bench(claims) })

const slowIsWithin5 = "finding(1, 'slow is as fast as native', [expect(it.events).on('slow').withinNative(5)])"
const slowerIsWithin5 = "finding(3, 'slower is as fast as native', [expect(it.events).on('slower').withinNative(5)])"
const runcIsWithin25 = "finding(2, 'runc is about as fast as native', [expect(it.events).on('runc').withinNative(25)])"

describe('a slowdown of known size', () => {
  it('is contradicted, worse, and the same machine without it holds; the record says the same when judged again', async () => {
    using own = project(0.8, `${slowIsWithin5}\n${runcIsWithin25}\n${slowerIsWithin5}`)
    const { exitCode, report, record } = await own.run(['--platform', 'native,runc,slow,slower', '--rounds', '8..30'], {
      timeout: 220,
    })
    const shared = median(
      record.samples.flatMap(({ platform, load }) => (platform === 'native' ? (load?.waiting ?? 0) : [])),
    )
    const [slow, runc, slower] = report.claims
    expect(slower).toMatchObject({ platform: 'slower', verdict: 'contradicted', direction: 'worse' })
    expect(runc!.verdict, runc!.text).not.toBe('contradicted')
    expect(exitCode).toBe(1)
    // A quota of 80 % slows nobody who has to share the CPU with others anyway: then there is no truth to be found.
    if (shared < 0.25) {
      expect(slow).toMatchObject({ platform: 'slow', verdict: 'contradicted', direction: 'worse' })
      expect(runc).toMatchObject({ platform: 'runc', verdict: 'holds' })
    } else console.warn(`the CPU was shared for ${shared} of the time: 80 % quota not asserted: ${slow!.text}`)
    // Every sample says what the host did meanwhile.
    expect(record.samples.every(({ load }) => load !== undefined)).toBe(true)
    const again = await own.isobench(['judge', report.record, '--json'])
    expect(again.exitCode).toBe(exitCode)
    expect(JSON.parse(again.stdout).claims).toEqual(report.claims)
  })

  it('is a regression against a baseline, and the same run again is none', async () => {
    using own = project(1)
    const args = ['--platform', 'native,slow', '--rounds', '8']
    await own.run([...args, '--save', 'main'])
    expect(existsSync(own.path('.isobench/baselines/main.jsonl'))).toBe(true)
    own.write({ 'isobench.config.ts': config(0.5) })
    const after = await own.run([...args, '--baseline', 'main'])
    expect(after.stdout).toMatch(/✗ regressed +primes +slow +events/)
    expect(after.exitCode).toBe(1)
    const same = await own.isobench(['compare', 'main', 'main', '--json'])
    expect(same.exitCode).toBe(0)
    expect(JSON.parse(same.stdout).rows.map((row: { change: string }) => row.change)).not.toContain('regressed')
    const compared = await own.isobench(['compare', 'main', after.report.record])
    expect(compared.exitCode).toBe(1)
  })
})

describe('native against native', () => {
  it('fails no run', async () => {
    using own = project(1, "finding(1, 'native is native', [expect(it.events).on('twin').withinNative(5)])")
    for (let run = 0; run < 4; run++) {
      const { exitCode, report } = await own.run(['--platform', 'native,twin', '--rounds', '6'])
      expect(exitCode, report.claims[0]!.text).not.toBe(1)
    }
  })

  it('tells the margin that the host can carry, and a finer one is underpowered, never a failure', async () => {
    using own = project(1, "finding(1, 'runc costs nothing', [expect(it.events).on('runc').withinNative(0.001)])")
    const noise = await own.isobench(['noise', '--wait', '--rounds', '6', '--seconds', '0.2', '--json'])
    expect(noise.exitCode, noise.stderr).toBe(0)
    expect(JSON.parse(noise.stdout).floors[0]).toMatchObject({ metric: 'events', rounds: 6 })
    const { exitCode, report } = await own.run(['--platform', 'native,runc', '--rounds', '6'])
    // Whatever runc does cost beyond the noise would be told; it is not that much.
    expect(report.claims[0]!.reason ?? report.claims[0]!.verdict).toMatch(/^underpowered:|^holds/)
    expect(exitCode).not.toBe(1)
  })
})

describe('a time limit', () => {
  it('ends the run between two points and says what is undecided', async () => {
    using own = project(1, "finding(1, 'it', [expect(it.events).on('twin').withinNative(0.001)])")
    const done: Outcome & { report: { benches: unknown[] } } = await own.run([
      '--platform',
      'native,twin',
      '--rounds',
      '5..1000',
      '--time',
      '8s',
    ])
    expect(done.seconds).toBeLessThan(140)
    expect(done.stdout + done.stderr).toMatch(/the time is up after \d+ of 1000 rounds: 1 of 1 claims stayed undecided/)
    for (const text of ['10', '10 min', '-5m', '']) {
      expect((await own.isobench(['run', `--time=${text}`])).exitCode, text).toBe(5)
    }
    for (const text of ['10..5', '0', '5...9', 'x']) {
      expect((await own.isobench(['run', `--rounds=${text}`])).exitCode, text).toBe(5)
    }
  })
})
