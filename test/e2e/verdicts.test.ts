/** Verdicts on real guests with a known truth: a guest with a CPU quota is slower, and native equals native. */

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../src/core/model/record.ts'
import { median } from '../../src/core/stats/index.ts'
import { assignCpus, assignDuetCpus } from '../../src/host/cpus.ts'
import { formatClaim } from '../../src/reporters/format.ts'
import { type Outcome, Project } from './support/cli.ts'
import { skip } from './support/skip.ts'

const drivers = fileURLToPath(new URL('../../src/platforms/', import.meta.url))

/** runc with a share of its CPU, in periods of 10 ms, so that a short sample has many of them. */
const config = (share: number, more = '') => `import { existsSync, writeFileSync } from 'node:fs'
import { defineConfig, platform } from 'isobench'
import { runc } from ${JSON.stringify(`${drivers}runc.ts`)}

const roots = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']
const throttle = (group: string, share: number) => {
  const v1 = roots.find((root) => existsSync(root + group))
  if (!v1) return writeFileSync('/sys/fs/cgroup' + group + '/cpu.max', share * 10_000 + ' 10000')
  writeFileSync(v1 + group + '/cpu.cfs_period_us', '10000')
  writeFileSync(v1 + group + '/cpu.cfs_quota_us', String(share * 10_000))
}

const driver = (share: number): any => ({
  ...runc,
  kind: 'slow',
  description: 'runc with a part of its CPU',
  boot: async (sandbox: any, options: any) => {
    const guest = await runc.boot(sandbox, options)
    throttle(sandbox.cgroupPath, share)
    return guest
  },
})

export default defineConfig({
  platforms: [
    platform('native'),
    platform('runc'),
    platform(driver(${share})),
    platform(driver(0.2), { name: 'slower' }),
    platform('native', { name: 'native-2' }),
  ],
  profiles: { quick: { warmup: 0 } },
  ${more}
})
`

/** At least a second of work, because sysbench takes whole seconds. */
const second = 'sysbench.cpu({ threads: 1, maxPrime: 5000, seconds })'

/** A fixed number of events, which take about a quarter of a second: enough where one sample need not be exact. */
const short = "command('sysbench', 'cpu', '--threads=1', '--cpu-max-prime=5000', '--time=0', '--events=2500', 'run')"

const bench = (claims: string, test = short) => `import { bench, expect, finding, higher, workload } from 'isobench'
import { command, sysbench } from 'isobench/tools'
const primes = workload('primes', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(${test})
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})
export const it = bench('primes', primes, { tags: ['cpu'] })
${claims}
`

const project = (share: number, claims = '', test = short) =>
  Project.with({ 'isobench.config.ts': config(share), 'benches/primes.bench.ts': bench(claims, test) })

/** The share of the guests' CPUs that other processes used: the median of the samples. */
const otherProcessesShare = ({ samples }: RunRecord) => median(samples.map(({ load }) => load!.otherProcesses ?? 0))

/** If other processes have most of the CPUs, isobench decides nothing, and the truth is unknown. */
const overload = (share: number) =>
  share >= 0.4 ? `other processes used ${Math.round(100 * share)} % of the CPU` : undefined

const slowIsWithin5 = "finding(1, 'slow is as fast as native', [expect(it.events).on('slow').withinNative(5)])"
const slowerIsWithin5 = "finding(3, 'slower is as fast as native', [expect(it.events).on('slower').withinNative(5)])"
const runcIsWithin5 = "finding(2, 'runc is as fast as native', [expect(it.events).on('runc').withinNative(5)])"

describe('a slowdown of known size', () => {
  it('is contradicted and worse, holds without it, and gives the same verdicts when judged again', async (context) => {
    using own = project(0.8, `${slowIsWithin5}\n${runcIsWithin5}\n${slowerIsWithin5}`, second)
    const args = ['--platform', 'native,runc,slow,slower', '--rounds', '8..16']
    const { exitCode, report, record } = await own.run(args, { timeout: 220 })
    const [slow, runc, slower] = report.claims
    const others = otherProcessesShare(record)
    const overloaded = overload(others)
    if (overloaded) skip(context, 'busy-host', overloaded)
    expect(slower).toMatchObject({ platforms: ['slower'], outcome: 'contradicted', direction: 'worse' })
    expect(runc!.outcome, formatClaim(runc!)).not.toBe('contradicted')
    expect(slow!.outcome, formatClaim(slow!)).not.toBe('holds')
    expect(exitCode).toBe(1)
    // Every sample has the load of the host.
    expect(record.samples.every(({ load }) => load !== undefined)).toBe(true)
    const again = await own.isobench(['judge', report.record, '--json'])
    expect(again.exitCode).toBe(exitCode)
    expect(JSON.parse(again.stdout).claims).toEqual(report.claims)
    // A quota of 80 % slows nobody who has to share the CPU with others anyway: then there is no truth to be found.
    if (others > 0.05)
      skip(context, 'busy-host', `a quota of 80 % has no known effect if others use ${Math.round(100 * others)} %`)
    expect(slow, formatClaim(slow!)).toMatchObject({ platforms: ['slow'], outcome: 'contradicted', direction: 'worse' })
    expect(slow!.estimate!.value, formatClaim(slow!)).toBeLessThan(0.9)
    expect(slow!.estimate!.value, formatClaim(slow!)).toBeGreaterThan(0.7)
    const { low, high } = runc!.estimate!
    if (high! - low! > 0.1) skip(context, 'busy-host', 'the interval is too wide for a margin of 5 %')
    expect(runc, formatClaim(runc!)).toMatchObject({ platforms: ['runc'], outcome: 'holds' })
  })

  it('is a regression against a baseline, and the same run is not', async (context) => {
    using own = project(1)
    const args = ['--platform', 'native,slow', '--rounds', '8']
    const base = await own.run([...args, '--save-baseline', 'main'])
    expect(existsSync(own.path('.isobench/baselines/main.jsonl'))).toBe(true)
    own.write({ 'isobench.config.ts': config(0.5) })
    const [saved] = own.records()
    const after = await own.run([...args, '--baseline', 'main', '--save-baseline', 'main'])
    const overloaded = overload(Math.max(otherProcessesShare(base.record), otherProcessesShare(after.record)))
    if (overloaded) skip(context, 'busy-host', overloaded)
    expect(after.stdout).toMatch(/✗ primes events · slow: 0\.\d+ × the baseline main/)
    expect(after.exitCode).toBe(1)
    expect(after.stdout).toContain('Not saved as the baseline "main": the run regressed against its baseline')
    expect(readFileSync(own.path('.isobench/baselines/main.jsonl'))).toEqual(readFileSync(saved!))
    const same = await own.isobench(['compare', 'main', 'main', '--json'])
    expect(same.exitCode).toBe(0)
    expect(JSON.parse(same.stdout).rows.map((row: { change: string }) => row.change)).not.toContain('regressed')
    const compared = await own.isobench(['compare', 'main', after.report.record])
    expect(compared.exitCode).toBe(1)
    // isobench reports a baseline of another host before it measures.
    const [file, runs] = [own.path('.isobench/baselines/main.jsonl'), own.path('.isobench/runs')]
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"kernel":"[^"]*"/, '"kernel":"6.66"'))
    const before = readdirSync(runs)
    const refused = await own.isobench([...args, '--baseline', 'main'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('kernel: 6.66')
    expect(readdirSync(runs)).toEqual(before)
  })
})

describe('another process on a measured CPU', () => {
  it('is detected, its samples are measured once more and kept in the record, and the report says so', async () => {
    using own = project(1)
    const cpu = String(assignCpus(1).guest[0])
    const hog = spawn('taskset', ['-c', cpu, process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' })
    try {
      const { stdout, record } = await own.run(['--platform', 'native,runc', '--rounds', '5'], { remeasure: true })
      const marked = record.samples.filter(({ disturbed }) => disturbed)
      expect(marked.length).toBeGreaterThanOrEqual(8)
      for (const { load } of marked) expect(Math.max(load!.otherProcesses!, load!.steal)).toBeGreaterThan(0.05)
      expect(median(record.samples.map(({ load }) => load!.otherProcesses!))).toBeGreaterThan(0.25)
      // Two platforms in five rounds are ten steps, of which a tenth is taken again.
      expect(record.samples).toHaveLength(11)
      expect(stdout).toMatch(/they disturbed \d+ of \d+ samples/)
    } finally {
      hog.kill('SIGKILL')
    }
  })
})

describe('duet mode', () => {
  it('measures native and the platform at the same time, on CPUs that they swap every round', async (context) => {
    try {
      assignDuetCpus(1)
    } catch (error) {
      skip(context, 'host-kind', String(error))
    }
    // For a fixed time, because both guests work at the same time.
    using own = project(0.2, slowIsWithin5, second)
    const args = ['--platform', 'native,slow', '--duet', '--rounds', '6']
    const { report, record, stdout } = await own.run(args)
    expect(stdout).toContain('1 in duet with native')
    for (const { platform, duetWith: beside, cpus, round } of record.samples) {
      const other = record.samples.find((one) => one.round === round && one.platform === beside)!
      expect(other.duetWith).toBe(platform)
      expect(other.cpus).not.toEqual(cpus)
    }
    const cpusOf = (round: number) => record.samples.find((one) => one.platform === 'slow' && one.round === round)!.cpus
    expect(cpusOf(0)).toEqual(cpusOf(2))
    expect(cpusOf(1)).not.toEqual(cpusOf(0))
    expect(report.claims[0]!.estimate!.rounds).toBe(6)
    expect(report.claims[0]!.outcome, formatClaim(report.claims[0]!)).not.toBe('holds')
    const again = await own.isobench(['judge', report.record, '--json'])
    expect(JSON.parse(again.stdout).claims).toEqual(report.claims)
    if (otherProcessesShare(record) > 0.1) skip(context, 'busy-host', 'a quota of a fifth has no known effect')
    expect(report.claims[0], formatClaim(report.claims[0]!)).toMatchObject({
      outcome: 'contradicted',
      direction: 'worse',
    })
  })

  it('is refused if there are too few CPUs, or no CPU or memory bench', async () => {
    using own = project(1)
    own.write({ 'isobench.config.ts': config(1, `guest: { cpus: ${availableParallelism()} }, duet: true`) })
    const refused = await own.isobench(['run', '--dry-run'])
    expect(refused.exitCode).not.toBe(0)
    expect(refused.stderr).toMatch(/duet mode runs two guests at once.*\n.*omit --duet/)
    expect((await own.isobench(['run', '--dry-run', '--no-duet'])).exitCode).toBe(0)
    own.write({
      'isobench.config.ts': config(1),
      'benches/primes.bench.ts': bench('').replace("['cpu'] }", "['io'] }"),
    })
    const unfit = await own.isobench(['run', '--dry-run', '--duet'])
    expect(unfit).toMatchObject({
      exitCode: 5,
      stderr: expect.stringMatching(/--duet is for benches of CPU and memory/),
    })
  })
})

describe('native against native', () => {
  it('fails no run', async () => {
    using own = project(1, "finding(1, 'native is native', [expect(it.events).on('native-2').withinNative(5)])")
    for (let run = 0; run < 2; run++) {
      const { exitCode, report } = await own.run(['--platform', 'native,native-2', '--rounds', '6'])
      expect(exitCode, formatClaim(report.claims[0]!)).not.toBe(1)
    }
  })

  it('noise measures the smallest margin of the host, and a finer margin never fails the run', async () => {
    using own = project(1, "finding(1, 'runc costs nothing', [expect(it.events).on('runc').withinNative(0.001)])")
    const noise = await own.isobench(['noise', '--wait-for-lock', '--rounds', '6', '--seconds', '0.2', '--json'])
    expect(noise.exitCode, noise.stderr).toBe(0)
    expect(JSON.parse(noise.stdout).noiseFloors[0]).toMatchObject({ metric: 'events', rounds: 6 })
    const { exitCode, report } = await own.run(['--platform', 'native,runc', '--rounds', '6'])
    // The cost of runc is smaller than the noise of the host.
    const { reason, outcome } = report.claims[0]!
    expect(['noise-floor', 'holds']).toContain(reason?.code ?? outcome)
    expect(exitCode).not.toBe(1)
  })
})

describe('a time limit', () => {
  it('ends the run between two steps and says what is undecided', async () => {
    using own = project(1, "finding(1, 'it', [expect(it.events).on('native-2').withinNative(0.001)])")
    const done: Outcome & { report: { cases: unknown[] } } = await own.run([
      '--platform',
      'native,native-2',
      '--rounds',
      '5..200',
      '--max-duration',
      '8s',
    ])
    expect(done.seconds).toBeLessThan(140)
    expect(done.stdout + done.stderr).toMatch(/the time is up after \d+ of 200 rounds: 1 of 1 claims stayed undecided/)
    for (const text of ['10', '10 min', '-5m', '']) {
      expect((await own.isobench(['run', `--max-duration=${text}`])).exitCode, text).toBe(5)
    }
    for (const text of ['10..5', '0', '5...9', 'x']) {
      expect((await own.isobench(['run', `--rounds=${text}`])).exitCode, text).toBe(5)
    }
  })
})
