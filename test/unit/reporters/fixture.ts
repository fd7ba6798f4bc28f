/** A report made by the real judge from a run record made by hand, and an output that remembers. */
import { buildReport } from '../../../src/core/judge/report.ts'
import { casesOf, type Plan, type PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import type { Report } from '../../../src/core/model/report.ts'
import type { BenchData } from '../../../src/core/model/suite.ts'
import { seeded } from '../../../src/core/stats/index.ts'
import type { Claim, Matcher } from '../../../src/dsl/claim.ts'
import type { OutputStream, ReporterContext } from '../../../src/reporters/reporter.ts'
import { withError, withValues } from '../core/judge/builders.ts'

/** Everything that a guest or an author may write to hurt a terminal, a browser, a spreadsheet or a CI. */
export const hostile =
  '\u001b[31mred\u001b[0m <script>alert(1)</script> ]]> a|b `c` "q" \'s\' &amp; ' +
  '\u202egnp.exe\r\n::error::x ##[add-mask]y\u0000\u0085\ud800'
export const formula = "=cmd|'/C calc'!A0"

const root = '/project'
const rounds = 8

const platform = (
  name: string,
  family: PlannedPlatform['family'],
  rest: Partial<PlannedPlatform> = {},
): PlannedPlatform => ({
  name,
  kind: name,
  family,
  tags: [],
  available: true,
  version: '1.0',
  cpuMode: 'hardware',
  ...rest,
})

const platforms: PlannedPlatform[] = [
  platform('native', 'native'),
  platform('runc', 'container'),
  platform('gvisor', 'secure-container'),
  platform('a-platform-with-a-name-that-is-far-too-long-for-a-table', 'secure-container'),
  platform('osv', 'unikernel'),
  platform('kata', 'hypervisor', {
    available: false,
    reason: 'there is no /dev/kvm on this machine, and kata starts its guests with it',
    fix: 'turn on nested virtualization for this machine, or run on bare metal',
  }),
  platform('firecracker', 'hypervisor', { available: false, reason: hostile }),
]

const location = (file: string, line: number) => ({ file: `${root}/${file}`, line, column: 3 })

function bench(file: string, name: string, rest: Partial<BenchData>): BenchData {
  return {
    id: `${file}#${name}`,
    file,
    name,
    mode: 'run',
    tags: [],
    params: {},
    metrics: { events: { unit: 'events/s', better: 'higher' } },
    workload: { name, kind: 'commands', lifecycle: 'round' },
    digest: 'd',
    claims: [],
    ...rest,
  }
}

const claim = (
  of: { id: string; file: string },
  metric: string,
  matcher: Matcher,
  line: number,
  rest: Partial<Claim> = {},
): Claim => ({
  bench: of.id,
  metric,
  matcher,
  on: { by: 'all' },
  where: {},
  severity: 'fail',
  location: location(of.file, line),
  ...rest,
})

const within = (percent: number): Matcher => ({ kind: 'withinNative', percent })

function benchesOf(nasty: boolean): BenchData[] {
  const prime = bench('benches/compute/prime.bench.ts', 'prime verification', {})
  const disk = bench('benches/io/disk.bench.ts', 'random 4 KiB I/O', {
    params: { rw: ['randread', 'randwrite'], depth: [32] },
    metrics: { iops: { unit: 'IOPS', better: 'higher' }, latency: { unit: 'us', better: 'lower' } },
  })
  const boot = bench('benches/startup/boot.bench.ts', 'boot to first instruction', {
    metrics: { time: { unit: 's', better: 'lower' } },
    workload: { name: 'boot', kind: 'boot', lifecycle: 'sample' },
  })
  const evil = bench('benches/evil.bench.ts', nasty ? hostile : 'evil', { params: { say: [nasty ? formula : 'x'] } })
  return [
    { ...prime, claims: [claim(prime, 'events', within(5), 12)] },
    { ...disk, claims: [claim(disk, 'iops', within(10), 31, { severity: 'warn' })] },
    { ...boot, claims: [claim(boot, 'time', { kind: 'atMost', value: 0.1 }, 9)] },
    evil,
  ]
}

/** How much slower a platform is: what makes verdicts of every kind. */
const slowness: Record<string, number> = { native: 1, runc: 1.004, gvisor: 1.13, osv: 1.05 }

function samplesOf(plan: Plan, nasty: boolean): Sample[] {
  const random = seeded('fixture')
  const noise = () => 1 + (random() - 0.5) * 0.02
  const value = (at: PlannedPlatform, metric: string) => {
    const slow = (slowness[at.name] ?? 0.85) * noise()
    const base: Record<string, number> = {
      events: 1234 / slow,
      iops: 98_765 / slow,
      latency: 812 * slow,
      time: 0.0213 * slow ** 20,
    }
    return base[metric]!
  }
  const samples: Sample[] = []
  for (let round = 0; round <= rounds; round++) {
    for (const point of plan.cases) {
      for (const at of plan.platforms.filter(({ available }) => available)) {
        const { metrics, file } = plan.benches.find(({ id }) => id === point.bench)!
        const broken = at.name === 'osv' && (file.includes('disk') || (file.includes('prime') && round % 4 === 1))
        const values = Object.fromEntries(Object.keys(metrics).map((metric) => [metric, value(at, metric)]))
        samples.push({
          case: point.id,
          platform: at.name,
          round: round - 1,
          warmup: round === 0,
          workDigest: 'same',
          wallMs: 1000,
          ...(broken ? withError(nasty ? hostile : 'fio: cannot open /data/file: No such device') : withValues(values)),
        })
      }
    }
  }
  return samples
}

/** A record with verdicts of every kind; `nasty` puts hostile text everywhere that a guest or an author writes. */
export function makeRecord(nasty = true): RunRecord {
  const benches = benchesOf(nasty)
  const [prime, disk, boot] = benches as [BenchData, BenchData, BenchData]
  const plan: Plan = {
    seed: 'seven',
    profileName: 'quick',
    profile: { rounds, warmup: 1, seconds: 1, timeout: 60 },
    platforms,
    benches,
    cases: benches.flatMap(casesOf),
    findings: [
      {
        id: 2,
        title: 'All containers, secure ones included, are on par with native for CPU-bound tasks',
        failOn: 'worse',
        parts: [
          {
            title: 'All containers, secure ones included, are on par with native for CPU-bound tasks',
            claims: [
              claim(prime, 'events', within(5), 18, {
                on: { by: 'family', families: ['container', 'secure-container'] },
              }),
            ],
          },
        ],
        file: prime.file,
      },
      {
        id: 9,
        title: nasty ? hostile : 'Disks of containers are as fast as native ones',
        failOn: 'never',
        parts: [
          {
            title: nasty ? hostile : 'Disks of containers are as fast as native ones',
            claims: [claim(disk, 'iops', within(5), 44, { on: { by: 'name', names: ['runc'] } })],
          },
        ],
        file: disk.file,
      },
      {
        id: 11,
        title: 'A unikernel boots slower than a container',
        failOn: 'any',
        parts: [
          {
            title: 'A unikernel boots slower than a container',
            claims: [
              claim(boot, 'time', { kind: 'worseThan', platform: 'runc', by: 1.5 }, 20, {
                on: { by: 'name', names: ['osv'] },
              }),
            ],
          },
        ],
        file: boot.file,
      },
      {
        id: 14,
        title: 'Kata starts slower than every container',
        failOn: 'worse',
        parts: [
          {
            title: 'Kata starts slower than every container',
            claims: [
              claim(boot, 'time', { kind: 'worseThan', platform: 'runc', by: 3 }, 25, {
                on: { by: 'name', names: ['kata'] },
              }),
            ],
          },
        ],
        file: boot.file,
      },
    ],
    excludedPlatforms: [{ name: 'native-loopback', family: 'native', tags: ['ablation'] }],
    excluded: [{ bench: 'benches/later.bench.ts#later', reason: 'todo' }],
  }
  return {
    file: `${root}/.isobench/runs/2026-01-01T00-00-00.jsonl`,
    environment: {
      startedAt: '2026-01-01T00:00:00.000Z',
      isobench: '0.1.0',
      node: 'v20.19.0',
      cpu: { model: 'A CPU', count: 8, governor: 'performance', smt: 'on' },
      memoryBytes: 2 ** 34,
      kernel: '6.1.0',
      commandLine: 'quiet',
      virtualization: null,
      kvm: false,
      mitigations: { meltdown: 'Not affected' },
      cgroupVersion: 2,
      guest: { cpus: [2], memoryBytes: 2 ** 30 },
      image: 'sha256:00',
      configDigest: 'c',
      revision: null,
    },
    plan,
    problems: [
      {
        file: 'benches/broken.bench.ts',
        message: nasty ? hostile : 'metric "evnts" is not of the workload',
        fix: 'did you mean "events"?',
      },
    ],
    samples: samplesOf(plan, nasty),
    status: 'finished',
  }
}

export const makeReport = (nasty = true): Report => buildReport(makeRecord(nasty), { strict: false })

export class Memory implements OutputStream {
  text = ''
  readonly writes: string[] = []
  constructor(
    readonly isTTY = false,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.writes.push(text)
    this.text += text
  }
}

export const contextOf = (out: OutputStream, rest: Partial<ReporterContext> = {}): ReporterContext => ({
  out,
  root,
  color: false,
  ...rest,
})

/** All events of a run, in their order. */
export async function tell(
  reporter: ReturnType<import('../../../src/reporters/reporter.ts').ReporterFactory['create']>,
  nasty = true,
): Promise<void> {
  const record = makeRecord(nasty)
  const { plan, samples, problems } = record
  reporter.onPrepare?.(nasty ? hostile : 'probing kata')
  reporter.onProblems?.(problems)
  reporter.onPlan?.(plan)
  samples.forEach((sample, done) => {
    const point = plan.cases.find(({ id }) => id === sample.case)!
    reporter.onStepStart?.({ ...sample, case: point, block: 0, done, steps: samples.length })
    reporter.onSample?.(sample)
  })
  await reporter.onFinish?.(buildReport(record, { strict: false }))
}

/** RFC 4180, as it is written there. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? bare! : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}
