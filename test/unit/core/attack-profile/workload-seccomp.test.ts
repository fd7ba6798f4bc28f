import { describe, expect, it } from 'vitest'
import { alwaysAllowed, workloadSeccomp } from '../../../../src/core/attack-profile/workload-seccomp.ts'
import type { Confinement } from '../../../../src/core/model/confinement.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { allowedCalls, auditArchitectures, otherInterfaces } from '../../../../src/host/seccomp-filter.ts'
import { ociSeccomp, seccompProgram } from '../../../../src/host/seccomp-profile.ts'
import { syscallTable } from '../../../../src/host/syscall-names.ts'
import { seccompText } from '../../../../src/reporters/confinement.ts'

const filtered = (allowed: string[], conditional: string[]) =>
  ({
    role: 'guest',
    seccomp: 'filter',
    calls: { allowed, conditional, supervised: [], otherInterfaces: ['i386', 'x32'], known: 384 },
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
  ({
    file: 'run.jsonl',
    environment: { arch: 'x64' },
    samples,
    plan: { platforms: [{ name: 'runc' }, { name: 'qemu' }] },
  }) as unknown as RunRecord

describe('the seccomp profile of a workload', () => {
  const one = sample(0, { setup: ['acct'], work: ['read'] }, [
    filtered(['read', 'acct', 'ptrace', 'socket', 'brk', 'pause', 'dup2', 'clone3'], ['personality']),
  ])
  const other = sample(
    1,
    { work: ['brk', 'socket', 'clone3', 'mount', 'nr_999'], idle: ['pause'], barrier: ['dup2'] },
    [],
  )

  it('allows what guests called in any round, and what runtimes need to execute them', () => {
    const { calls, rules, rounds, denied, unknown } = workloadSeccomp(record(one, other), 'runc')
    expect(calls).toEqual(
      [...new Set([...alwaysAllowed, 'acct', 'brk', 'dup2', 'pause', 'read', 'socket'])].sort((a, b) =>
        a < b ? -1 : 1,
      ),
    )
    // runc mounts before it executes the guest's program, and its filter denies that to the program.
    expect({ rounds, denied, unknown }).toEqual({ rounds: 2, denied: ['mount'], unknown: ['nr_999'] })
    // A guest that starts threads or opens sockets must not get namespaces or the VMs of the host.
    expect(Object.keys(rules.conditional)).toEqual(['clone', 'socket'])
    expect([...rules.allowed, ...Object.keys(rules.conditional)].sort()).toEqual(calls)
    expect(rules.absent).toEqual(['clone3'])
  })

  it('is a profile for OCI runtimes, and a program of the kernel', () => {
    const { calls, rules, architectures: ofX64 } = workloadSeccomp(record(one, other), 'runc')
    const { defaultAction, architectures, syscalls } = ociSeccomp(rules, ofX64)
    expect({ defaultAction, architectures }).toEqual({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
    })
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
    expect(workloadSeccomp(record(one, other), 'runc').beyond).toEqual({
      hasFilter: true,
      allowed: ['clone3', 'ptrace'],
      inPart: ['personality', 'socket'],
      interfaces: ['i386', 'x32'],
    })
  })

  it('lists every other call of a platform without a filter', () => {
    const open = { role: 'guest', seccomp: 'none', calls: null } as unknown as Confinement
    const { beyond } = workloadSeccomp(record(sample(0, { work: ['read'] }, [open])), 'runc')
    expect(beyond!.allowed).toContain('bpf')
    expect(beyond!.allowed).not.toContain('read')
    expect(beyond!.inPart).toEqual(['clone'])
    expect(beyond!.interfaces).toEqual(['i386', 'x32'])
    expect(seccompText(workloadSeccomp(record(sample(0, { work: ['read'] }, [open])), 'runc'))).toContain(
      'runc has no filter, so it also allows',
    )
  })

  it('takes the filters from all benches of the platform, and says if the record has none', () => {
    const boot = sample(0, { work: ['brk'] }, [], 'a#boot')
    expect(workloadSeccomp(record(boot), 'runc', ['#boot'])).toMatchObject({ beyond: null, denied: [] })
    const { beyond } = workloadSeccomp(record(boot, one), 'runc', ['#boot'])
    expect(beyond!.allowed).toContain('ptrace')
  })

  it('allows 32-bit programs if the workload has them', () => {
    const names = ['i386:mmap2', 'i386:getsid', 'i386:clone3', 'i386:socketcall', 'read']
    const mixed = workloadSeccomp(record(sample(0, { work: names }, [filtered(['read'], [])])), 'runc')
    expect(mixed.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'])
    // By the names of both interfaces, as a profile for OCI runtimes has them.
    expect(mixed.calls).toEqual(
      [...new Set([...alwaysAllowed, 'read', 'mmap2', 'getsid', 'socketcall', 'sigreturn'])].sort((a, b) =>
        a < b ? -1 : 1,
      ),
    )
    expect(mixed).toMatchObject({ denied: [], unknown: [], beyond: { interfaces: ['x32'] } })
    expect(seccompText(mixed)).toMatch(/It allows 32-bit programs[\s\S]*\(4\): i386:clone3.*[\s\S]*any kind of socket/)
  })

  it('allows in a program of the kernel only what 64-bit programs called, because 32-bit programs do not run', () => {
    const names = ['i386:mmap2', 'i386:getsid', 'i386:clone3', 'read']
    const work = record(sample(0, { work: names }, [filtered(['read'], [])]))
    const native = workloadSeccomp(work, 'runc', [], 'program')
    expect(native.calls).toEqual([...new Set([...alwaysAllowed, 'read'])].sort((a, b) => (a < b ? -1 : 1)))
    expect(native).toMatchObject({ architectures: ['SCMP_ARCH_X86_64'], beyond: { interfaces: ['i386', 'x32'] } })
    expect(seccompText(native, 'program')).toMatch(/32-bit calls fail with ENOSYS\.\nSo 32-bit programs .*i386:clone3/)
    const program = seccompProgram(native.rules, 'x64')
    const { allowed } = allowedCalls([program], syscallTable('x64'), auditArchitectures.x64!)
    expect(allowed).toContain('read')
    expect(allowed).not.toContain('getsid')
    expect(otherInterfaces([program])).toEqual([])
  })

  it('names no call as left out that it allows', () => {
    const names = ['capset', 'ptrace', 'getsid', 'i386:getsid', 'read']
    const { calls, denied } = workloadSeccomp(record(sample(0, { work: names }, [filtered(['read'], [])])), 'runc')
    expect(calls).toEqual(expect.arrayContaining(['capset', 'getsid', 'read']))
    expect(denied).toEqual(['ptrace'])
  })

  it('is for the architecture of the recorded host', () => {
    const work = ['read', 'newfstatat', 'open', 'arm:20']
    const of = record(sample(0, { work }, []))
    const { arch, architectures, calls, unknown } = workloadSeccomp(
      { ...of, environment: { arch: 'arm64' } } as RunRecord,
      'runc',
    )
    expect({ arch, architectures, unknown }).toEqual({
      arch: 'arm64',
      architectures: ['SCMP_ARCH_AARCH64'],
      unknown: ['arm:20', 'open'],
    })
    expect(calls).toContain('read')
    expect(calls.filter((name) => ![...syscallTable('arm64').values()].includes(name))).toEqual([])
  })

  it('says what it lacks, unless the whole life of the program was recorded', () => {
    const work = sample(0, { work: ['read'] }, [])
    expect(seccompText(workloadSeccomp(record(work), 'runc'))).toContain('the start of a server')
    const boot = structuredClone(work)
    boot.outcome.attackProfile.idle.recordings = 0
    const text = seccompText(workloadSeccomp(record(boot), 'runc'))
    expect(text).toContain('The record has the whole life of the program.')
    expect(text).not.toContain('server')
  })

  it('is of the chosen benches', () => {
    const files = sample(0, { work: ['fsync'] }, [], 'a#files')
    const { calls } = workloadSeccomp(record(sample(0, { work: ['brk'] }, []), files), 'runc', ['#files'])
    expect(calls).toContain('fsync')
    expect(calls).not.toContain('brk')
  })

  it('needs system calls of guests', () => {
    expect(() => workloadSeccomp(record(one), 'qemu')).toThrow(/no system calls of guests of "qemu"/)
    expect(() => workloadSeccomp(record(one), 'runc', ['nope'])).toThrow(
      /no traced bench of "runc" with "nope" in its id/,
    )
    expect(() => workloadSeccomp(record(one), 'kata')).toThrow(/no platform "kata"/)
    expect(() => workloadSeccomp(record(one), 'kata', ['nope'])).toThrow(/no platform "kata"/)
  })
})
