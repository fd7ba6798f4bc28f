/** Profiles, the judge and the reporters on a run by `functions` on a real kernel. */

import { describe, expect, it } from 'vitest'
import { attackProfiles, diffOf } from '../../../../src/core/attack-profile/summary.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { diffText, profilesMarkdown, tableText } from '../../../../src/reporters/attack-profile.ts'
import { recordedFunctions } from './recorded.ts'

const record = recordedFunctions()
const platforms = ['native', 'runc', 'crun', 'gvisor']
const workloads = ['cpu', 'memory', 'file I/O', 'network', 'start and stop']

describe('a recorded run by functions', () => {
  const profiles = attackProfiles(record)
  const of = (platform: string, workload = 'cpu') =>
    profiles.find((profile) => profile.platform === platform && profile.bench.endsWith(`: ${workload}`))!

  it('has functions of the kernel, in separate profiles for set-up and work', () => {
    expect(
      profiles.map(({ platform, source: by, bench }) => `${bench.split(': ')[1]} on ${platform} by ${by}`),
    ).toEqual(workloads.flatMap((name) => platforms.map((platform) => `${name} on ${platform} by functions`)))
    expect(of('native')).toMatchObject({ distinct: 1081, calls: 132_996, setupDistinct: 0 })
    expect(of('runc')).toMatchObject({ distinct: 1112, calls: 132_333, setupDistinct: 2930, setupCalls: 940_115 })
    expect(of('crun')).toMatchObject({ distinct: 1077, setupDistinct: 2567, setupCalls: 316_056 })
    expect(of('gvisor')).toMatchObject({ distinct: 1011, calls: 1_289_417, setupDistinct: 3555, setupCalls: 1_836_126 })
    for (const { platform, case: point, work } of profiles) {
      expect(Object.keys(work), `${point} on ${platform}`).toEqual(
        expect.arrayContaining(['x64_sys_call', 'handle_mm_fault']),
      )
      expect(
        Object.keys(work).filter((name) => /^(?:asm_)?sysvec_|softirq$|^__?irq_exit/.test(name)),
        `${point} on ${platform}`,
      ).toEqual([])
    }
  })

  it('has in each workload what that asks of a kernel', () => {
    for (const platform of ['native', 'runc', 'crun']) {
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
    for (const platform of ['runc', 'crun', 'gvisor'])
      expect(of(platform, 'start and stop').work, platform).toHaveProperty('cgroup_mkdir')
    expect(of('native', 'start and stop').work).not.toHaveProperty('cgroup_mkdir')
  })

  it('shows what one platform reaches and another does not, by group', () => {
    const diff = diffOf(of('native'), of('runc'))
    expect(diff.parts[0]!.jaccard).toBeGreaterThan(0.7)
    const setup = diff.parts[1]!.onlyB.flatMap(({ names }) => names.map(({ name }) => name))
    expect(setup).toEqual(expect.arrayContaining(['copy_mnt_ns', 'cgroup_mkdir']))
    expect(diffText([diff])).toContain('functions of the host kernel (functions)')
    expect(tableText({ epss: null, profiles })).toMatch(/runc +1,?112/)
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
      '| crun',
      '| gvisor',
    ])
    expect(table.find((line) => line.startsWith('| runc'))).toMatch(
      /^\| runc \| 1,112 \/ 124 \|( [\d,]+ \/ [\d.,]+ \|){5}$/,
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
