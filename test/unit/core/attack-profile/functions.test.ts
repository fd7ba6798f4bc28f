/** Profiles, the judge and the reporters on a run by `functions` on a real kernel. */

import { describe, expect, it } from 'vitest'
import { attackProfiles, diffOf } from '../../../../src/core/attack-profile/summary.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { diffText, profilesMarkdown, tableText } from '../../../../src/reporters/attack-profile.ts'
import { recordedFunctions } from './recorded.ts'

const record = recordedFunctions()
const platforms = ['native', 'runc', 'gvisor']
const workloads = ['cpu', 'memory', 'file I/O', 'network', 'start and stop']

describe('a recorded run by functions', () => {
  const profiles = attackProfiles(record)
  const of = (platform: string, workload = 'cpu') =>
    profiles.find((profile) => profile.platform === platform && profile.bench.endsWith(`: ${workload}`))!

  it('has functions of the kernel, in separate profiles for set-up and work', () => {
    expect(
      profiles.map(({ platform, source: by, bench }) => `${bench.split(': ')[1]} on ${platform} by ${by}`),
    ).toEqual(workloads.flatMap((name) => platforms.map((platform) => `${name} on ${platform} by functions`)))
    expect(of('native')).toMatchObject({ distinct: 880, calls: 126_656, setupDistinct: 0 })
    expect(of('runc')).toMatchObject({ distinct: 900, calls: 130_403, setupDistinct: 2878, setupCalls: 866_094 })
    expect(of('gvisor')).toMatchObject({ distinct: 696, calls: 886_932, setupDistinct: 3439, setupCalls: 1_442_231 })
    for (const { platform, case: point, work } of profiles) {
      // With network traffic, gVisor's sentry makes no more system calls than while it idles.
      expect(Object.keys(work), `${point} on ${platform}`).toEqual(
        expect.arrayContaining(platform === 'gvisor' ? ['handle_mm_fault'] : ['x64_sys_call', 'handle_mm_fault']),
      )
      expect(
        Object.keys(work).filter((name) => /^(?:asm_)?sysvec_|softirq$|^__?irq_exit/.test(name)),
        `${point} on ${platform}`,
      ).toEqual([])
    }
  })

  it('has the roles of the host processes of each platform', () => {
    for (const workload of workloads) {
      expect(Object.keys(of('native', workload).roles), workload).toEqual(['guest'])
      expect(Object.keys(of('runc', workload).roles), workload).toEqual(['guest', 'client'])
      expect(Object.keys(of('gvisor', workload).roles), workload).toEqual(['sentry', 'gofer', 'client'])
    }
  })

  it('has in each workload what that asks of a kernel', () => {
    for (const platform of ['native', 'runc']) {
      expect(Object.keys(of(platform, 'file I/O').work), platform).toEqual(
        expect.arrayContaining(['ext4_file_read_iter', 'ext4_file_write_iter']),
      )
      expect(Object.keys(of(platform, 'network').work), platform).toEqual(expect.arrayContaining(['tcp_recvmsg']))
      expect(of(platform, 'cpu').work, platform).not.toHaveProperty('tcp_recvmsg')
    }
    // The sentry speaks TCP itself: the host sees packets.
    expect(of('gvisor', 'network').work).not.toHaveProperty('tcp_recvmsg')
    expect(Object.keys(of('gvisor', 'network').work)).toEqual(expect.arrayContaining(['packet_recvmsg']))
    // A start is set-up and work in one. Native has its own mount namespace, and no container.
    for (const platform of ['runc', 'gvisor'])
      expect(of(platform, 'start and stop').work, platform).toHaveProperty('cgroup_mkdir')
    expect(of('native', 'start and stop').work).not.toHaveProperty('cgroup_mkdir')
  })

  it('shows what one platform reaches and another does not, by group', () => {
    const diff = diffOf(of('native'), of('runc'))
    expect(diff.parts[0]!.jaccard).toBeGreaterThan(0.7)
    const setup = diff.parts[1]!.onlyB.flatMap(({ names }) => names.map(({ name }) => name))
    expect(setup).toEqual(expect.arrayContaining(['copy_mnt_ns', 'cgroup_mkdir']))
    expect(diffText([diff])).toContain('functions of the host kernel (functions)')
    expect(tableText({ epss: null, profiles })).toMatch(/runc +900/)
  })

  it('has the sentry and its stubs, which ask the host for other things than a program does', () => {
    const names = Object.keys(of('gvisor').work)
    expect(names).toEqual(expect.arrayContaining(['__x64_sys_futex', '__seccomp_filter', 'unix_stream_sendmsg']))
    expect(diffOf(of('native'), of('gvisor')).parts[0]!.jaccard).toBeLessThan(0.5)
  })

  it('is a Markdown table with a row for each platform, and says on what it was measured', () => {
    const table = profilesMarkdown(profiles, record).split('\n')
    expect(table[0]).toMatch(/Linux 6\.12\S+, .*, 1 round; by functions: distinct functions/)
    expect(table[2]).toBe(`| ${['', ...workloads, 'at set-up'].join(' | ')} |`)
    expect(table.filter((line) => /^\| \w/.test(line)).map((line) => line.split(' | ')[0])).toEqual([
      '| native',
      '| runc',
      '| gvisor',
    ])
    expect(table.find((line) => line.startsWith('| runc'))).toMatch(
      /^\| runc \| 900 \/ 367 \|( [\d,]+ \/ [\d.,]+ \|){5}$/,
    )
  })

  it('is judged by its own trace source: nothing is marked, and one round decides nothing', () => {
    const { findings, claims } = buildReport(record, { strict: false })
    const isolation = findings.filter(({ id }) => Number(id) >= 24 && Number(id) <= 27)
    expect(isolation.map(({ id }) => id)).toEqual([24, 25, 26, 27])
    for (const { outcome, fallbackLabel } of isolation) {
      expect(outcome).toBe('not-evaluated')
      expect(fallbackLabel).toBeUndefined()
    }
    expect(claims.filter(({ outcome }) => outcome === 'holds' || outcome === 'contradicted')).toEqual([])
  })
})
