import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  canonicalFunctionName,
  coverageIsAlike,
  type EpssData,
  exposureOf,
  joinEpss,
  readEpss,
  saveEpss,
  withExposure,
} from '../../../../src/core/attack-profile/exposure.ts'
import type { AttackProfileSummary } from '../../../../src/core/attack-profile/summary.ts'
import { tableText } from '../../../../src/reporters/attack-profile.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-exposure-'))
afterAll(() => rmSync(folder, { recursive: true }))

const scores = {
  byCve: new Map([
    ['CVE-2024-1086', 0.5],
    ['CVE-2022-0847', 0.2],
    ['CVE-2021-3715', 0.1],
  ]),
}
const kernel = '6.12.1'
const at = 'map.csv:2'
const source = { model: null, date: '2026-01-02', scores: 's'.repeat(64), map: 'm', sources: null, kernelCves: null }

describe('the join of scores and places', () => {
  it('has each CVE once, with all its functions', () => {
    const { cves, functions } = joinEpss(
      scores,
      [
        { at, cve: 'CVE-2022-0847', file: 'lib/iov_iter.c' },
        { at, cve: 'CVE-2022-0847', function: 'copy_page_to_iter' },
        { at, cve: 'CVE-2021-3715', function: 'route4_change' },
      ],
      new Map([
        ['/build/lib/iov_iter.c', ['copy_page_to_iter', 'iov_iter_init']],
        ['/build/fs/pipe.c', ['pipe_read']],
      ]),
      [],
    )
    expect(cves).toEqual([
      { cve: 'CVE-2021-3715', epss: 0.1, functions: ['route4_change'] },
      { cve: 'CVE-2022-0847', epss: 0.2, functions: ['copy_page_to_iter', 'iov_iter_init'] },
    ])
    expect(functions).toEqual(['copy_page_to_iter', 'iov_iter_init', 'pipe_read', 'route4_change'])
  })

  it('lists CVEs without a score and files without functions', () => {
    const joined = joinEpss(
      scores,
      [
        { at, cve: 'CVE-1999-0001', function: 'old' },
        { at, cve: 'CVE-2022-0847', file: 'lib/iov_iter.c' },
      ],
      new Map(),
      [],
    )
    expect(joined).toMatchObject({ cves: [], unscored: ['CVE-1999-0001'], unknownFiles: ['lib/iov_iter.c'] })
  })

  it('takes files and versions from kernel records, unless the map has a function', () => {
    const affected = { otherwise: 'affected' as const, ranges: [] }
    const { cves } = joinEpss(
      scores,
      [{ at, cve: 'CVE-2024-1086', function: 'nft_verdict_init' }],
      new Map([['net/netfilter/nf_tables_api.c', ['nft_verdict_init', 'nft_other']]]),
      [
        { cve: 'CVE-2024-1086', files: ['net/netfilter/nf_tables_api.c'], affected },
        { cve: 'CVE-2022-0847', files: ['net/netfilter/nf_tables_api.c'], affected },
      ],
    )
    expect(cves).toEqual([
      { cve: 'CVE-2022-0847', epss: 0.2, functions: ['nft_other', 'nft_verdict_init'], affected },
      { cve: 'CVE-2024-1086', epss: 0.5, functions: ['nft_verdict_init'], affected },
    ])
  })
})

describe('the exposure of a profile', () => {
  const data: Pick<EpssData, 'cves' | 'functions'> = {
    cves: [
      { cve: 'CVE-2022-0847', epss: 0.2, functions: ['sys_splice', 'pipe_read'] },
      { cve: 'CVE-2024-1086', epss: 0.5, functions: ['nft_verdict_init'] },
    ],
    functions: ['nft_verdict_init', 'pipe_read', 'sys_read', 'sys_splice'],
  }

  it('counts a CVE once, however many of its functions are reached', () => {
    expect(exposureOf({ __x64_sys_splice: 9, pipe_read: 1, vfs_read: 1 }, data, 'functions', kernel)).toEqual({
      cves: [{ cve: 'CVE-2022-0847', epss: 0.2 }],
      expected: 0.2,
      covered: 2,
      total: 3,
    })
  })

  it('is the same for a system call and its function', () => {
    expect(canonicalFunctionName('__x64_sys_openat')).toBe('sys_openat')
    expect(canonicalFunctionName('__do_sys_openat2')).toBe('sys_openat2')
    expect(canonicalFunctionName('__arm64_compat_sys_ioctl')).toBe('compat_sys_ioctl')
    expect(exposureOf({ splice: 5, read: 1 }, data, 'syscalls', kernel)).toEqual(
      exposureOf({ __x64_sys_splice: 5, __x64_sys_read: 1 }, data, 'functions', kernel),
    )
    // fstat is newfstat in the kernel, and 32-bit programs call the same functions.
    const inKernel = { cves: [], functions: ['sys_newfstat', 'sys_read'] }
    expect(exposureOf({ fstat: 1, 'i386:read': 1 }, inKernel, 'syscalls', kernel)).toMatchObject({ covered: 2 })
  })

  it('is unknown, not zero, if the data cover nothing', () => {
    expect(exposureOf({ vfs_read: 1 }, data, 'functions', kernel)).toMatchObject({ expected: null, covered: 0 })
    expect(exposureOf({ read: 1 }, data, 'syscalls', kernel)).toMatchObject({ expected: 0, covered: 1 })
  })

  it('leaves out CVEs that the kernel does not have', () => {
    const fixed = {
      otherwise: 'affected' as const,
      ranges: [{ version: '6.8', lessThanOrEqual: '*', status: 'unaffected' as const }],
    }
    const versioned = { ...data, cves: data.cves.map((one) => ({ ...one, affected: fixed })) }
    expect(exposureOf({ pipe_read: 1 }, versioned, 'functions', '6.12.1')).toMatchObject({ cves: [], expected: 0 })
    expect(exposureOf({ pipe_read: 1 }, versioned, 'functions', '6.7.9')).toMatchObject({ expected: 0.2 })
  })

  it('never falls if a profile reaches more', () => {
    const names = fc.uniqueArray(fc.constantFrom('sys_splice', 'pipe_read', 'nft_verdict_init', 'vfs_read', 'sys_read'))
    fc.assert(
      fc.property(names, names, (some, more) => {
        const counts = (of: readonly string[]) => Object.fromEntries(of.map((name) => [name, 1]))
        const [less, all] = [some, [...some, ...more]].map((of) => exposureOf(counts(of), data, 'functions', kernel))
        expect(all!.expected ?? 0).toBeGreaterThanOrEqual(less!.expected ?? 0)
        expect(all!.covered).toBeLessThanOrEqual(all!.total)
      }),
    )
  })
})

describe('the table of profiles', () => {
  const part = { distinct: 2, calls: 9, setupDistinct: 0, setupCalls: 0, work: {} }
  const profile = (platform: string, work: Record<string, number>) =>
    ({
      case: 'a#b',
      bench: 'a#b',
      name: 'b',
      params: {},
      source: 'functions',
      platform,
      rounds: 3,
      failed: 0,
      distinct: 2,
      calls: 9,
      perUnit: 3,
      setupDistinct: 1,
      setupCalls: 1,
      work,
      setup: {},
      someRounds: { work: [], setup: [] },
      onlyBackground: [],
      onlySetup: [],
      unseen: [],
      parts: { 'guest-reachable': part, 'control-plane': part, scaffold: part },
      roles: {},
    }) satisfies AttackProfileSummary
  const data: EpssData = {
    source,
    cves: [{ cve: 'CVE-2022-0847', epss: 0.2, functions: ['pipe_read'] }],
    functions: ['pipe_read', 'vfs_read'],
  }

  it('has the exposure beside its coverage, and forbids a ranking where coverage differs', () => {
    const text = tableText(
      withExposure([profile('native', { pipe_read: 1, vfs_read: 1 }), profile('gvisor', { futex: 1 })], data, kernel),
    )
    expect(text).toMatch(/native .* 1 +0\.200 +2 of 2 +3\n/)
    expect(text).toMatch(/gvisor .* – +– +0 of 1 +3\n/)
    expect(text).toContain('Do not rank the platforms')
    expect(text).toContain('EPSS scores of 2026-01-02')
  })

  it('has no such columns without data', () => {
    expect(tableText(withExposure([profile('native', {})], undefined, kernel))).not.toMatch(/EPSS|CVE/)
  })

  it('calls coverage alike up to a tenth', () => {
    const of = (covered: number) => ({ cves: [], expected: 0, covered, total: 100 })
    expect(coverageIsAlike([of(50), of(60)])).toBe(true)
    expect(coverageIsAlike([of(50), of(61)])).toBe(false)
  })
})

describe('imported data', () => {
  it('are saved and read again', () => {
    const data: EpssData = { source, cves: [{ cve: 'CVE-2022-0847', epss: 0.2, functions: ['a'] }], functions: ['a'] }
    expect(readEpss(folder)).toBeUndefined()
    const file = saveEpss(folder, data)
    expect(readEpss(folder)).toEqual(data)
    const before = openSync(file, 'r')
    saveEpss(folder, { ...data, functions: ['b'] })
    // Replaced as a whole: a kill or a full disk leaves the earlier data.
    expect(JSON.parse(readFileSync(before, 'utf8')).functions).toEqual(['a'])
    closeSync(before)
    writeFileSync(file, '{"version":1')
    expect(() => readEpss(folder)).toThrow(/is damaged/)
  })
})
