/** Records of simulated hosts with known truths, for the comparison of unlike hosts. */

import type { Environment, RunRecord, Sample } from '../../src/core/model/record.ts'
import { seeded } from '../../src/core/stats/index.ts'
import { gaussian } from '../calibration/simulate.ts'
import { aBench, aClaim, aFinding, aPlan, aSample, environmentOf, withValues } from '../unit/core/judge/builders.ts'

export interface SimulatedHosts {
  readonly hosts: number
  /** The hosts with mitigations off, by their index. gVisor is 30 % slower there, and 5 % elsewhere. */
  readonly unmitigated: readonly number[]
  /** Standard deviation of ln(ratio) between hosts. */
  readonly spread?: number
  readonly rounds?: number
}

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)]!

function environmentOfHost(index: number, isUnmitigated: boolean, random: () => number): Environment {
  const vendor = pick(['Intel(R) Xeon(R)', 'AMD EPYC'], random)
  return {
    ...environmentOf(),
    hostname: `node${index}`,
    startedAt: new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString(),
    cpu: {
      model: `${vendor} ${pick([6140, 6248, 7543, 7763, 8375], random)}`,
      count: pick([4, 8, 16, 32], random),
      governor: pick(['performance', 'powersave', 'schedutil'], random),
      smt: pick(['on', 'off'], random),
    },
    memoryBytes: pick([16, 32, 64, 128], random) * 2 ** 30,
    kernel: `${pick(['6.1', '6.8', '6.12'], random)}.${index}`,
    distribution: pick(['Debian 12', 'Debian 13', 'Ubuntu 24.04'], random),
    virtualization: pick([null, 'QEMU'], random),
    kvm: random() < 0.5,
    cgroupVersion: pick([1, 2] as const, random),
    commandLine: `root=<hidden> ro quiet${isUnmitigated ? ' mitigations=off' : ''}`,
    mitigations: {
      meltdown: isUnmitigated ? 'Vulnerable' : 'Mitigation: PTI',
      spectre_v2: isUnmitigated ? `Vulnerable; STIBP: disabled` : 'Mitigation: Retpolines',
    },
  }
}

/** One bench: runc is like native within 5 % on every host, and gVisor within 10 % on all but the unmitigated ones. */
export function simulateHosts({ hosts, unmitigated, spread = 0.01, rounds = 10 }: SimulatedHosts): RunRecord[] {
  const bench = aBench({ metrics: { latency: { unit: 'ms', better: 'lower' } } })
  const within = (platform: string, percent: number) =>
    aClaim({ kind: 'withinNative', percent }, { on: { by: 'name', names: [platform] } })
  const findings = [
    aFinding([within('runc', 5)], { id: 1, title: 'runc is like native' }),
    aFinding([within('gvisor', 10)], { id: 2, title: 'gVisor is like native' }),
  ]
  const plan = aPlan({
    benches: [{ ...bench, claims: [within('runc', 20)] }],
    findings,
    profile: { rounds, warmup: 0, seconds: 1, timeout: 60 },
  })
  const random = seeded(`fleet of ${hosts}`)
  return Array.from({ length: hosts }, (_, index): RunRecord => {
    const isUnmitigated = unmitigated.includes(index)
    const own = (mean: number) => mean * Math.exp(spread * gaussian(random))
    const factors = { native: 1, runc: own(1), gvisor: own(isUnmitigated ? 1.3 : 1.05) }
    const samples = Array.from({ length: rounds }, (_, round) =>
      Object.entries(factors).map(([platform, factor]): Sample => {
        const latency = 20 * factor * Math.exp(0.005 * gaussian(random))
        return aSample(platform, round, withValues({ latency }))
      }),
    ).flat()
    return {
      file: `/records/node${index}.jsonl`,
      environment: environmentOfHost(index, isUnmitigated, random),
      plan: { ...plan, seed: `seed ${index}` },
      problems: [],
      samples,
      status: 'finished',
    }
  })
}
