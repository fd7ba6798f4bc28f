import { describe, expect, it } from 'vitest'
import { alwaysAllowed, workloadSeccomp } from '../../../../src/core/attack-profile/workload-seccomp.ts'
import type { Confinement } from '../../../../src/core/model/confinement.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { allowedCalls, auditArchitectures } from '../../../../src/host/seccomp-filter.ts'
import { ociSeccomp, seccompProgram } from '../../../../src/host/seccomp-profile.ts'
import { syscallTable } from '../../../../src/host/syscall-names.ts'

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
  const one = sample(0, { setup: ['acct'], work: ['read'] }, [
    filtered(['read', 'ptrace', 'socket', 'brk', 'pause', 'dup2', 'clone3'], ['personality']),
  ])
  const other = sample(
    1,
    { work: ['brk', 'socket', 'clone3', 'mount', 'nr_999'], idle: ['pause'], barrier: ['dup2'] },
    [],
  )

  it('allows what guests called in any round, and what runtimes need to execute them', () => {
    const { calls, rules, rounds, denied, unknown } = workloadSeccomp(record(one, other), 'runc', [], 'x64')
    expect(calls).toEqual(
      [...new Set([...alwaysAllowed, 'brk', 'dup2', 'pause', 'read', 'socket'])].sort((a, b) => (a < b ? -1 : 1)),
    )
    // runc mounts before it executes the guest's program, and its filter denies that to the program.
    expect({ rounds, denied, unknown }).toEqual({ rounds: 2, denied: ['mount'], unknown: ['nr_999'] })
    // A guest that starts threads or opens sockets must not get namespaces or the VMs of the host.
    expect(Object.keys(rules.conditional)).toEqual(['clone', 'socket'])
    expect([...rules.allowed, ...Object.keys(rules.conditional)].sort()).toEqual(calls)
    expect(rules.absent).toEqual(['clone3'])
  })

  it('is a profile for OCI runtimes, and a program of the kernel', () => {
    const { calls, rules } = workloadSeccomp(record(one, other), 'runc', [], 'x64')
    const { defaultAction, architectures, syscalls } = ociSeccomp(rules)
    expect({ defaultAction, architectures }).toEqual({ defaultAction: 'SCMP_ACT_ERRNO' })
    expect(syscalls.find(({ names }) => names.includes('clone'))).toEqual({
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    })
    const program = seccompProgram(rules, 'x64')
    const { allowed, conditional } = allowedCalls([program], syscallTable('x64'), auditArchitectures.x64!)
    expect(conditional).toEqual(['clone', 'socket'])
    expect([...allowed, ...conditional].sort()).toEqual(calls)
  })

  it('lists what the filters allow beyond it', () => {
    expect(workloadSeccomp(record(one, other), 'runc', [], 'x64').beyond).toEqual({
      allowed: ['clone3', 'ptrace'],
      inPart: ['personality', 'socket'],
    })
  })

  it('lists every other call of a platform without a filter', () => {
    const open = { role: 'guest', seccomp: 'none', calls: null } as unknown as Confinement
    const { beyond } = workloadSeccomp(record(sample(0, { work: ['read'] }, [open])), 'runc', [], 'x64')
    expect(beyond!.allowed).toContain('bpf')
    expect(beyond!.allowed).not.toContain('read')
    expect(beyond!.inPart).toEqual(['clone'])
  })

  it('takes the filters from all benches of the platform, and says if the record has none', () => {
    const boot = sample(0, { work: ['brk'] }, [], 'a#boot')
    expect(workloadSeccomp(record(boot), 'runc', ['#boot'], 'x64')).toMatchObject({ beyond: null, denied: [] })
    const { beyond } = workloadSeccomp(record(boot, one), 'runc', ['#boot'], 'x64')
    expect(beyond!.allowed).toContain('ptrace')
  })

  it('is of the chosen benches', () => {
    const files = sample(0, { work: ['fsync'] }, [], 'a#files')
    const { calls } = workloadSeccomp(record(sample(0, { work: ['brk'] }, []), files), 'runc', ['#files'], 'x64')
    expect(calls).toContain('fsync')
    expect(calls).not.toContain('brk')
  })

  it('needs system calls of guests', () => {
    expect(() => workloadSeccomp(record(one), 'qemu')).toThrow(/no system calls of guests of "qemu"/)
    expect(() => workloadSeccomp(record(one), 'kata')).toThrow(/no platform "kata"/)
  })
})
