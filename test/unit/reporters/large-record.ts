/**
 * A run as large as the default one: 7 benches on 18 platforms, of 32 in the config. The figures are made up, and lie
 * near those of a real host.
 */
import { casesOf, type PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import type { BenchData, FindingData } from '../../../src/core/model/suite.ts'
import { seeded } from '../../../src/core/stats/index.ts'
import type { Claim, Matcher } from '../../../src/dsl/claim.ts'
import type { Unit } from '../../../src/dsl/metric.ts'
import { aBench, aClaim, aPlatform, withValues } from '../core/judge/builders.ts'
import { makeRecord } from './fixture.ts'

interface Row {
  readonly file: string
  readonly name: string
  readonly metric: string
  readonly unit: Unit
  readonly better: 'lower' | 'higher'
  readonly native: number
  /** Noise of each sample, relative. */
  readonly noise: number
  readonly params?: BenchData['params']
  readonly matcher?: Matcher
  readonly severity?: Claim['severity']
}

const within = (percent: number): Matcher => ({ kind: 'withinNative', percent })

const rows: readonly Row[] = [
  {
    file: 'compute/prime',
    name: 'prime verification',
    metric: 'events',
    unit: 'events/s',
    better: 'higher',
    native: 3810,
    noise: 0.01,
    matcher: within(10),
  },
  {
    file: 'compute/sha256',
    name: 'sha256 of 16 KiB',
    metric: 'hashes',
    unit: 'ops/s',
    better: 'higher',
    native: 26_000,
    noise: 0.01,
    matcher: within(10),
  },
  {
    file: 'memory/copy',
    name: 'memory copy',
    metric: 'throughput',
    unit: 'MB/s',
    better: 'higher',
    native: 13_200,
    noise: 0.02,
    matcher: within(15),
  },
  {
    file: 'io/throughput',
    name: 'file throughput',
    metric: 'bandwidth',
    unit: 'MB/s',
    better: 'higher',
    native: 940,
    noise: 0.12,
    params: { rw: ['read', 'write'] },
    matcher: within(50),
    severity: 'warn',
  },
  {
    file: 'network/rtt',
    name: 'network round trip',
    metric: 'p90',
    unit: 'us',
    better: 'lower',
    native: 412,
    noise: 0.2,
  },
  {
    file: 'startup/boot',
    name: 'boot',
    metric: 'duration',
    unit: 'ms',
    better: 'lower',
    native: 8.6,
    noise: 0.03,
    matcher: { kind: 'atMost', value: 2000 },
  },
  {
    file: 'startup/ending',
    name: 'ending the guest',
    metric: 'share',
    unit: '%',
    better: 'lower',
    native: 1.1,
    noise: 0.05,
  },
]

/** What a platform costs in each bench, in the order of `rows`; more is worse. */
const costs: Record<string, readonly number[]> = {
  native: [1, 1, 1, 1, 1, 1, 1],
  runc: [1.002, 1, 1.001, 1.02, 1.1, 3.2, 5.5],
  crun: [1, 1.001, 1, 1.01, 1.08, 3.1, 5.2],
  containerd: [1.001, 1, 1.002, 1.02, 1.1, 6.1, 5.6],
  docker: [1, 1.002, 1.16, 1.03, 1.12, 59, 24],
  podman: [1.001, 1.001, 1, 1.02, 1.1, 27, 14],
  lxc: [1.002, 1, 1, 1.03, 1.09, 3.8, 5.8],
  'lxc-systemd': [1.002, 1, 1, 1.03, 1.09, 90, 11],
  bubblewrap: [1, 1.001, 1.002, 1.02, 1.11, 3.3, 5.3],
  nspawn: [1.001, 1, 1, 1.03, 1.1, 11, 5.9],
  gvisor: [1.34, 1.02, 1.5, 1.05, 2.3, 31, 6.2],
  'gvisor-ptrace': [1.45, 1.03, 1.52, 1.4, 9.4, 34, 6.4],
  'docker-gvisor': [1.46, 1.04, 1.6, 1.05, 2.6, 90, 25],
  qemu: [1.02, 1.01, 1.03, 1.3, 1.5, 116, 9],
  'qemu-q35': [1.02, 1.01, 1.03, 1.31, 1.5, 140, 9.2],
  'qemu-microvm': [1.02, 1.01, 1.03, 1.28, 1.5, 81, 8.8],
  firecracker: [1.02, 1.01, 1.02, 1.2, 1.6, 41, 7.7],
  'user-mode-linux': [1.43, 1.55, 1.16, 3.7, 1.9, 174, 12],
}

const absentNames =
  'native-loopback podman-rootless gvisor-kvm gvisor-gofer gvisor-hostnet qemu-qboot qemu-virtiofs qemu-9p kata ' +
  'kata-go kata-9p cloud-hypervisor osv osv-firecracker'

const familyByName = (name: string): PlannedPlatform['family'] => {
  if (name === 'native' || name === 'native-loopback') return 'native'
  if (/gvisor|kata/.test(name)) return 'secure-container'
  if (/osv/.test(name)) return 'unikernel'
  return /qemu|fire|cloud|user-mode/.test(name) ? 'hypervisor' : 'container'
}

const platforms: PlannedPlatform[] = [
  ...Object.keys(costs).map((name) => aPlatform(name, { family: familyByName(name) })),
  ...absentNames.split(' ').map((name) =>
    aPlatform(name, {
      family: familyByName(name),
      available: false,
      reason: `there is no /dev/kvm on this host, and ${name} starts its guests with it`,
      fix: 'turn on nested virtualization for this host, or run on bare metal',
    }),
  ),
]

const benchOf = ({ file, name, metric, unit, better, params = {}, matcher, severity = 'fail' }: Row): BenchData => {
  const path = `benches/${file}.bench.ts`
  const id = `${path}#${name}`
  const location = { file: `/project/${path}`, line: 16, column: 3 }
  const claims = matcher ? [aClaim(matcher, { bench: id, metric, on: { by: 'all' }, severity, location })] : []
  return aBench({ id, file: path, name, params, metrics: { [metric]: { unit, better } }, claims })
}

const benches = rows.map(benchOf)
/** A bench that the profile leaves out: its claims were not asked for. */
const later = aBench({ id: 'benches/apps/mysql.bench.ts#mysql', file: 'benches/apps/mysql.bench.ts', name: 'mysql' })

function findingsOf(): FindingData[] {
  const [prime, , copy, io, rtt, boot, ending] = benches as [
    BenchData,
    BenchData,
    BenchData,
    BenchData,
    BenchData,
    BenchData,
    BenchData,
  ]
  const claim = (of: BenchData, metric: string, matcher: Matcher, names: string, rest: Partial<Claim> = {}) =>
    aClaim(matcher, { bench: of.id, metric, on: { by: 'name', names: names.split(' ') }, ...rest })
  const finding = (
    id: number,
    title: string,
    claims: Claim[],
    failOn: FindingData['failOn'] = 'worse',
  ): FindingData => ({
    id,
    title,
    failOn,
    file: 'benches/paper.bench.ts',
    parts: [{ title, claims }],
  })
  return [
    finding(1, 'Containers are on par with native for CPU-bound tasks', [
      claim(prime, 'events', within(5), 'docker lxc runc gvisor kata'),
    ]),
    finding(2, 'Hypervisors are on par with native for CPU-bound tasks', [
      claim(prime, 'events', within(5), 'qemu firecracker cloud-hypervisor'),
    ]),
    finding(3, 'gVisor copies memory as fast as native', [claim(copy, 'throughput', within(5), 'gvisor')], 'never'),
    finding(8, 'gVisor is severely hampered by its file system', [
      claim(io, 'bandwidth', { kind: 'worseThan', platform: 'docker', by: 1.34 }, 'gvisor', { where: { rw: 'read' } }),
    ]),
    finding(12, 'gVisor’s 90th percentile is three to four times that of its competitors', [
      claim(
        rtt,
        'p90',
        {
          kind: 'worseThan',
          platform: 'the median of native, docker, lxc, kata, qemu, firecracker, cloud-hypervisor',
          medianOf: ['native', 'docker', 'lxc', 'kata', 'qemu', 'firecracker', 'cloud-hypervisor'],
          by: 2.4,
        },
        'gvisor',
      ),
    ]),
    finding(14, 'Firecracker is the slowest to boot', [
      claim(boot, 'duration', { kind: 'worseThan', platform: 'qemu', by: 1 }, 'firecracker'),
    ]),
    finding(
      16,
      'Ending the guest adds only 1 to 2 % to the time of a boot',
      [claim(ending, 'share', { kind: 'atMost', value: 2 }, 'docker lxc runc gvisor qemu qemu-microvm firecracker')],
      'never',
    ),
    finding(19, 'MySQL of containers is as fast as native', [
      aClaim(within(5), { bench: later.id, metric: 'latency' }),
    ]),
    finding(20, 'OSv boots as fast as a container', [
      claim(boot, 'duration', { kind: 'notWorseThan', platform: 'runc', percent: 15 }, 'osv osv-firecracker'),
    ]),
  ]
}

/** How much worse each platform is than it usually is, by the name of the bench. */
export type Slowdown = (bench: string, platform: string) => number

/** A run of 7 benches on 18 platforms. Every sample takes 2 s, the first one at 06:29. */
export function largeRecord(slowdown: Slowdown = () => 1, rounds = 5): RunRecord {
  const { environment } = makeRecord(false)
  const startedAt = '2026-11-29T06:29:00.000Z'
  const random = seeded('large')
  let elapsed = 0
  const samples = benches.flatMap((bench, at) =>
    casesOf(bench).flatMap((point) =>
      Array.from({ length: rounds }, (_, round) =>
        Object.entries(costs).map(([platform, cost]): Sample => {
          const { metric, better, native, noise } = rows[at]!
          const factor = cost[at]! * slowdown(bench.name, platform) * (1 + noise * (2 * random() - 1))
          elapsed += 2000
          return {
            case: point.id,
            platform,
            round,
            warmup: false,
            startedAt: new Date(Date.parse(startedAt) + elapsed).toISOString(),
            workDigest: 'same',
            wallMs: 2000,
            ...withValues({ [metric]: better === 'lower' ? native * factor : native / factor }),
            ...(bench.name === 'network round trip' && { disturbed: true }),
          }
        }),
      ).flat(),
    ),
  )
  return {
    file: '/project/.isobench/runs/2026-11-29T06-29-00.jsonl',
    environment: { ...environment, startedAt, cpu: { ...environment.cpu, model: 'AMD EPYC', count: 2 } },
    plan: {
      seed: 'large',
      profileName: 'quick',
      profile: { rounds, warmup: 1, seconds: 1, timeout: 60 },
      platforms,
      benches: [...benches, later],
      cases: benches.flatMap(casesOf),
      findings: findingsOf(),
      excluded: [{ bench: later.id, reason: 'profile' }],
      excludedPlatforms: [],
    },
    problems: [],
    samples,
    status: 'finished',
  }
}
