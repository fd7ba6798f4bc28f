import { describe, expect, it } from 'vitest'
import { workloadSeccomp } from '../../../../src/core/attack-profile/workload-seccomp.ts'
import type { Confinement } from '../../../../src/core/model/confinement.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'

const filtered = (allowed: string[], conditional: string[]) =>
  ({
    role: 'guest',
    seccomp: 'filter',
    calls: { allowed, conditional, supervised: [], otherInterfaces: [], known: 384 },
  }) as unknown as Confinement

const sample = (round: number, names: Record<string, string[]>, confinement: Confinement[], id = 'a#cpu') => {
  const guest = (key: string) => ({ guest: Object.fromEntries((names[key] ?? []).map((name) => [name, 1])) })
  const series = (key: string) => ({ guest: Object.fromEntries((names[key] ?? []).map((name) => [name, [1]])) })
  return {
    case: id,
    platform: 'runc',
    round,
    outcome: {
      ok: true,
      values: {},
      confinement,
      attackProfile: {
        source: 'syscalls',
        setup: { ...guest('setup'), client: { mount: 1 } },
        work: guest('work'),
        idle: { seconds: 1, recordings: 1, calls: series('idle') },
        barrier: { passes: 1, recordings: 1, calls: series('barrier') },
      },
    },
  }
}

const record = (...samples: object[]) =>
  ({ file: 'run.jsonl', samples, plan: { platforms: [{ name: 'runc' }, { name: 'qemu' }] } }) as unknown as RunRecord

describe('the seccomp profile of a workload', () => {
  const one = sample(0, { setup: ['brk'], work: ['read'] }, [filtered(['read', 'ptrace'], ['clone', 'socket'])])
  const other = sample(1, { work: ['write', 'socket', 'nr_999'], idle: ['pause'], barrier: ['dup2'] }, [])

  it('allows what guests called in any round, and what a runtime needs to execute them', () => {
    const { profile, rounds, unknown } = workloadSeccomp(record(one, other), 'runc', [], 'x64')
    expect(profile).toMatchObject({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      syscalls: [{ action: 'SCMP_ACT_ALLOW' }, { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    })
    const [{ names }] = profile.syscalls as unknown as [{ names: string[] }]
    expect(names).toEqual(expect.arrayContaining(['brk', 'dup2', 'pause', 'read', 'socket', 'write', 'execve']))
    // Not what the runtime did before the guest's program.
    expect(names).not.toContain('mount')
    expect({ rounds, unknown }).toEqual({ rounds: 2, unknown: ['nr_999'] })
  })

  it('lists what the filters allow beyond it', () => {
    expect(workloadSeccomp(record(one, other), 'runc', [], 'x64').beyond).toEqual({
      allowed: ['ptrace'],
      inPart: ['clone'],
    })
  })

  it('lists every other call of a platform without a filter', () => {
    const open = { role: 'guest', seccomp: 'none', calls: null } as unknown as Confinement
    const { beyond } = workloadSeccomp(record(sample(0, { work: ['read'] }, [open])), 'runc', [], 'x64')
    expect(beyond.allowed).toContain('bpf')
    expect(beyond.allowed).not.toContain('read')
    expect(beyond.inPart).toEqual([])
  })

  it('is of the chosen benches', () => {
    const files = sample(0, { work: ['fsync'] }, [], 'a#files')
    const { profile } = workloadSeccomp(record(one, files), 'runc', ['#files'], 'x64')
    expect(profile.syscalls[0]!.names).toContain('fsync')
    expect(profile.syscalls[0]!.names).not.toContain('read')
  })

  it('needs system calls of guests', () => {
    expect(() => workloadSeccomp(record(one), 'qemu')).toThrow(/no system calls of guests of "qemu"/)
    expect(() => workloadSeccomp(record(one), 'kata')).toThrow(/no platform "kata"/)
  })
})
