import { describe, expect, it } from 'vitest'
import {
  type AttackProfileSummary,
  attackProfiles,
  diffOf,
  groupFunctions,
  groupOf,
  splitByRounds,
} from '../../../../src/core/attack-profile/summary.ts'
import type { AttackProfile, RunRecord } from '../../../../src/core/model/record.ts'
import { unseenBy } from '../../../../src/core/model/traced-calls.ts'
import type { PlatformFamily } from '../../../../src/dsl/platform.ts'
import type { ProcessRole } from '../../../../src/dsl/process-roles.ts'
import { diffText, tableText } from '../../../../src/reporters/attack-profile.ts'
import { aBench, aPlan, aSample, withError } from '../judge/builders.ts'

const profile = (work: Record<string, number>, setup: Record<string, number> = {}): AttackProfile => ({
  source: 'syscalls',
  setup: { client: setup, scaffold: { execve: 9 } },
  work: { guest: work, scaffold: { wait4: 2 } },
  seconds: 1,
  units: 1,
  idle: { seconds: 1, recordings: 1, calls: { shim: { futex: [1] } } },
  barrier: { passes: 0, recordings: 0, calls: {} },
  workloadMetrics: {},
})

const bench = aBench({ workload: { name: 'disk', kind: 'commands', lifecycle: 'sample', traced: 'syscalls' } })
const sample = (platform: string, round: number, work: Record<string, number>, setup?: Record<string, number>) =>
  aSample(platform, round, {
    outcome: { ok: true, values: {}, attackProfile: profile(work, setup) },
  })

const record: RunRecord = {
  file: 'record.jsonl',
  environment: {} as RunRecord['environment'],
  plan: aPlan({ benches: [bench] }),
  problems: [],
  status: 'finished',
  samples: [
    sample('native', 0, { read: 10 }),
    sample('runc', 0, { read: 10, write: 4 }, { mount: 3 }),
    sample('runc', 1, { read: 20, write: 6, poll: 1 }, { mount: 3 }),
    sample('runc', 2, { read: 30, write: 8 }, { mount: 5 }),
    { ...sample('runc', -1, { warm: 1 }), warmup: true },
    aSample('gvisor', 0, withError('events were lost')),
  ],
}

describe('the profiles of a record', () => {
  const profiles = attackProfiles(record)
  const of = (platform: string) => profiles.find((profile) => profile.platform === platform) as AttackProfileSummary

  it('are medians over the rounds, without the warm-up', () => {
    expect(of('runc')).toMatchObject({ rounds: 3, distinct: 2, calls: 31 - 4, setupDistinct: 1, setupCalls: 3 })
    expect(of('runc').work).toEqual({ read: 20, write: 6 })
    expect(of('runc').someRounds).toEqual({ work: ['poll'], setup: [] })
    expect(of('runc')).toMatchObject({ onlyBackground: ['futex'], onlySetup: ['mount'] })
  })

  it('have a part that the guest reaches, a control plane, and the processes of isobench, which do not count', () => {
    const { parts, roles } = of('runc')
    expect(parts['guest-reachable']).toEqual({
      distinct: 2,
      calls: 27,
      setupDistinct: 0,
      setupCalls: 0,
      work: { read: 20, write: 6 },
    })
    expect(parts['control-plane']).toMatchObject({ distinct: 0, calls: 0, setupDistinct: 1, setupCalls: 3 })
    expect(parts.scaffold).toMatchObject({ distinct: 1, calls: 2, setupDistinct: 1, setupCalls: 9 })
    expect(Object.keys(roles)).toEqual(['guest', 'client', 'scaffold'])
  })

  it('list the names of the work by role if asked, without the processes of isobench', () => {
    const text = tableText({ epss: null, profiles: [of('runc')] }, true)
    expect(text).toMatch(/runc, guest: 2\n +files {2}read ×20, write ×6\n/)
    expect(text).toMatch(/runc, in some rounds and not in others: 1\n +poll\n/)
    expect(text).not.toMatch(/scaffold|wait4/)
    expect(tableText({ epss: null, profiles: [of('runc')] })).not.toContain('×20')
  })

  it('say what system calls do not show of a platform', () => {
    const unseen = (kind: string, family: PlatformFamily, ...roles: ProcessRole[]) =>
      unseenBy('syscalls', { kind, family, cpuMode: 'hardware' }, roles)
    const always = ['io_uring', 'softirq']
    expect(unseen('native', 'native', 'guest')).toEqual(always)
    expect(unseen('docker', 'container', 'guest', 'daemon')).toEqual([...always, 'seccomp'])
    expect(unseen('gvisor', 'secure-container', 'sentry', 'gofer')).toEqual([...always, 'intercepted'])
    expect(unseen('user-mode-linux', 'hypervisor', 'vmm')).toEqual([...always, 'intercepted'])
    expect(unseen('kata', 'secure-container', 'shim', 'vmm')).toEqual([...always, 'kvm-exits'])
    expect(tableText({ epss: null, profiles })).toContain('not seen: operations of io_uring')
  })

  it('say when there is none', () => {
    expect(of('gvisor')).toMatchObject({ rounds: 0, failed: 1 })
    expect(tableText({ epss: null, profiles })).toMatch(/gvisor( +-){10} +0/)
  })

  it('are compared by what one platform reaches and the other does not', () => {
    const diff = diffOf(of('native'), of('runc'))
    expect(diff.parts[0]).toEqual({
      part: 'work',
      onlyA: [],
      onlyB: [{ group: 'files', names: [{ name: 'write', calls: 6 }] }],
      both: 1,
      someRounds: ['poll'],
      jaccard: 0.5,
    })
    const text = diffText([diff])
    expect(text).toContain('disk: system calls on the host (syscalls)')
    expect(text).toContain('only on native: none')
    expect(text).toMatch(/only on runc: 1\n +files +write ×6\n {2}in some rounds and not in others: 1\n {4}poll\n/)
  })
})

it('what every round reaches is separate from what some rounds reach', () => {
  expect(splitByRounds([{ a: 1, b: 1 }, { a: 3 }])).toEqual({ everyRound: { a: 2 }, someRounds: ['b'] })
  expect(splitByRounds([])).toEqual({ everyRound: {}, someRounds: [] })
})

it('a name that one of two reaches in some rounds only makes them neither alike nor different', () => {
  const profiles = attackProfiles({
    ...record,
    samples: [
      sample('native', 0, { read: 1, write: 1 }),
      sample('native', 1, { read: 1 }),
      sample('runc', 0, { read: 1, write: 1 }),
    ],
  })
  const { parts } = diffOf(
    ...(profiles.filter(({ rounds }) => rounds > 0) as [AttackProfileSummary, AttackProfileSummary]),
  )
  expect(parts[0]).toMatchObject({ onlyA: [], onlyB: [], both: 1, someRounds: ['write'], jaccard: 1 })
})

it('system calls are grouped by what they are about, functions by their first word', () => {
  const groups = {
    openat: 'files',
    newfstatat: 'paths',
    mmap: 'memory',
    clone3: 'processes',
    futex: 'scheduling',
    epoll_pwait: 'waiting',
    sendmsg: 'network',
    mount: 'mounts',
    rt_sigaction: 'signals',
    getuid: 'users',
    nr_999: 'other',
  }
  for (const [name, group] of Object.entries(groups)) expect(groupOf(name, 'syscalls'), name).toBe(group)
  expect(groupOf('__tcp_send_ack', 'functions')).toBe('tcp')
  expect(groupFunctions(['tcp_b', 'tcp_a', 'ext4_x', 'vfs_y'], 'functions')).toEqual([
    ['other', ['ext4_x', 'vfs_y']],
    ['tcp', ['tcp_a', 'tcp_b']],
  ])
})
