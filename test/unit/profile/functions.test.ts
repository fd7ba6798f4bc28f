/** A run by `functions` on a real kernel, recorded in an emulated guest: see docs/attack-profile.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { diffOf } from '../../../src/core/profile/diff.ts'
import { profilesOf } from '../../../src/core/profile/profiles.ts'
import { diffText, tableText } from '../../../src/core/profile/text.ts'
import { readRecord } from '../../../src/core/record/reader.ts'
import { buildReport } from '../../../src/core/report/build.ts'
import { profilesMarkdown } from '../../../src/reporters/profile/markdown.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-functions-'))
afterAll(() => rmSync(folder, { recursive: true }))
const packed = new URL('../../fixtures/records/attack-profile-functions.jsonl.gz', import.meta.url)
const file = join(folder, 'record.jsonl')
writeFileSync(file, gunzipSync(readFileSync(packed)))
const record = readRecord(file)

describe('a recorded run by functions', () => {
  const cells = profilesOf(record)
  const of = (platform: string) => cells.find((cell) => cell.platform === platform)!

  it('has functions of the kernel, in profiles of their own for setting up and for the work', () => {
    expect(cells.map(({ platform, by }) => `${platform} by ${by}`)).toEqual([
      'native by functions',
      'runc by functions',
      'crun by functions',
      'gvisor by functions',
    ])
    expect(of('native')).toMatchObject({ distinct: 1094, calls: 134_289, setupDistinct: 0 })
    expect(of('runc')).toMatchObject({ distinct: 1139, calls: 139_341, setupDistinct: 2928, setupCalls: 898_729 })
    expect(of('crun')).toMatchObject({ distinct: 1084, setupDistinct: 2584, setupCalls: 330_566 })
    expect(of('gvisor')).toMatchObject({ distinct: 1076, calls: 855_669, setupDistinct: 3558, setupCalls: 1_711_323 })
    for (const { platform, work } of cells) {
      expect(Object.keys(work), platform).toEqual(
        expect.arrayContaining(['x64_sys_call', 'vfs_read', 'handle_mm_fault']),
      )
      expect(
        Object.keys(work).filter((name) => /^(?:asm_)?sysvec_|softirq$|^__?irq_exit/.test(name)),
        platform,
      ).toEqual([])
    }
  })

  it('shows what one platform reaches and another does not, by group', () => {
    const diff = diffOf(of('native'), of('runc'))
    expect(diff.parts[0]!.jaccard).toBeGreaterThan(0.7)
    const setup = diff.parts[1]!.onlyB.flatMap(({ names }) => names.map(({ name }) => name))
    expect(setup).toEqual(expect.arrayContaining(['copy_mnt_ns', 'cgroup_mkdir']))
    expect(diffText([diff])).toContain('functions of the host kernel (functions)')
    expect(tableText(cells, null)).toMatch(/runc +1,?139/)
  })

  it('has the sentry and its stubs, which ask the host for other things than a program does', () => {
    const names = Object.keys(of('gvisor').work)
    expect(names).toEqual(expect.arrayContaining(['__x64_sys_futex', '__seccomp_filter', 'unix_stream_sendmsg']))
    expect(diffOf(of('native'), of('gvisor')).parts[0]!.jaccard).toBeLessThan(0.5)
  })

  it('is a Markdown table with a row for each platform, and says on what it was measured', () => {
    const table = profilesMarkdown(cells, record).split('\n')
    expect(table[0]).toMatch(/Linux 6\.12\S+, .*, 1 round; by functions: distinct functions/)
    expect(table[2]).toBe('|  | attack profile by functions: cpu | at set-up |')
    expect(table.filter((line) => /^\| \w/.test(line)).map((line) => line.split(' | ')[0])).toEqual([
      '| native',
      '| runc',
      '| crun',
      '| gvisor',
    ])
    expect(table.find((line) => line.startsWith('| runc'))).toMatch(
      /^\| runc \| 1,139 \/ [\d.,]+ \| 2,928 \/ 898,729 \|$/,
    )
  })

  it('is judged by its own instrument: nothing is marked, and one round decides nothing', () => {
    const { findings, claims } = buildReport(record, { strict: false })
    const isolation = findings.filter(({ id }) => id >= 24 && id <= 27)
    expect(isolation.map(({ id }) => id)).toEqual([24, 25, 26, 27])
    for (const { verdict, mark } of isolation) {
      expect(verdict).toBe('undecidable')
      expect(mark).toBeUndefined()
    }
    expect(claims.filter(({ verdict }) => verdict === 'holds' || verdict === 'contradicted')).toEqual([])
  })
})
