import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import {
  canonicalFunctionName,
  functionWeights,
  parseCveLocations,
  parseScores,
  parseSources,
  readText,
  readWeights,
  saveWeights,
  type Weights,
  weightedScore,
} from '../../../../src/core/attack-profile/weights.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-weights-'))
afterAll(() => rmSync(folder, { recursive: true }))

const text = (content: string) => ({ file: 'x.csv', text: content, digest: 'd' })

// The form of FIRST's daily file, with scores of no real day.
const daily = `#model_version:v2025.03.14,score_date:2026-01-02T00:00:00+0000
cve,epss,percentile
CVE-2024-1086,0.5,0.97
CVE-2022-0847,0.2,0.9
CVE-2021-3715,0.1,0.5
`
const source = { model: null, date: null, scores: 's', map: 'm', sources: null, fallback: 0.01 }

describe('the file of scores', () => {
  it('has its model, its date and each score', () => {
    const { model, date, byCve } = parseScores(text(daily))
    expect({ model, date }).toEqual({ model: 'v2025.03.14', date: '2026-01-02T00:00:00+0000' })
    expect([...byCve]).toEqual([
      ['CVE-2024-1086', 0.5],
      ['CVE-2022-0847', 0.2],
      ['CVE-2021-3715', 0.1],
    ])
  })

  it('reads the same gzipped as plain, and pins the file that it is', () => {
    const [plain, packed] = [join(folder, 'a.csv'), join(folder, 'a.csv.gz')]
    writeFileSync(plain, daily)
    writeFileSync(packed, gzipSync(daily))
    expect(readText(packed).text).toBe(readText(plain).text)
    expect(readText(packed).digest).not.toBe(readText(plain).digest)
    expect(readText(plain).digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each([
    ['', /is empty/],
    ['a,b\n', /no column "cve"/],
    ['cve,epss\nCVE-2024-1086,1.5\n', /x\.csv:2: "1\.5" is no probability/],
    ['cve,epss\nCVE-2024-1086,\n', /x\.csv:2: "" is no probability/],
    ['cve,epss\nCVE-2024-1086,nan\n', /no probability/],
    ['cve,epss\nGHSA-1,0.5\n', /"GHSA-1" is no CVE/],
    ['cve,epss\nCVE-2024-1086\n', /x\.csv:2 has 1 fields, and the header 2/],
    ['cve,epss\n"CVE-2024-1086",0.5\n', /has a quote/],
  ])('is refused when it is %j', (content, why) => {
    expect(() => parseScores(text(content))).toThrow(why)
  })

  it('is refused when it was cut short', () => {
    const file = join(folder, 'cut.gz')
    writeFileSync(file, gzipSync(daily).subarray(0, 40))
    expect(() => readText(file)).toThrow(/cannot be unpacked/)
    expect(() => readText(join(folder, 'none'))).toThrow(/there is no file/)
  })
})

describe('the weight of a function', () => {
  const { byCve } = parseScores(text(daily))

  it('is the chance that one of its CVEs is exploited', () => {
    const places = parseCveLocations(
      text('cve,function\nCVE-2024-1086,nft_verdict_init\nCVE-2022-0847,nft_verdict_init\n'),
    )
    expect(functionWeights(byCve, places, new Map()).get('nft_verdict_init')).toBeCloseTo(1 - 0.5 * 0.8, 12)
  })

  it('counts a CVE once, and none that has no score', () => {
    const places = parseCveLocations(
      text(
        'cve,function,file\nCVE-2021-3715,route4_change,\nCVE-2021-3715,route4_change,\nCVE-1999-0001,route4_change,\n',
      ),
    )
    expect([...functionWeights(byCve, places, new Map())]).toEqual([['route4_change', expect.closeTo(0.1, 12)]])
  })

  it('comes by source file where the functions of that are known', () => {
    const places = parseCveLocations(text('cve,file\nCVE-2022-0847,lib/iov_iter.c\n'))
    const sources = parseSources(text('function,file\ncopy_page_to_iter,lib/iov_iter.c\nother,lib/other.c\n'))
    expect([...functionWeights(byCve, places, sources).keys()]).toEqual(['copy_page_to_iter'])
    expect(functionWeights(byCve, places, new Map()).size).toBe(0)
  })

  it('is the same for a system call and its function', () => {
    expect(canonicalFunctionName('__x64_sys_openat')).toBe('sys_openat')
    expect(canonicalFunctionName('__do_sys_openat2')).toBe('sys_openat2')
    expect(canonicalFunctionName('__arm64_compat_sys_ioctl')).toBe('compat_sys_ioctl')
    const weights: Weights = { source, byFunction: new Map([['sys_openat', 0.3]]) }
    const expected = { score: expect.closeTo(0.31, 12), known: 1, total: 2 }
    expect(weightedScore({ openat: 5, read: 1 }, weights, 'syscalls')).toEqual(expected)
    expect(weightedScore({ __x64_sys_openat: 9, vfs_read: 1 }, weights, 'functions')).toEqual(expected)
  })

  it('does not depend on how often it is called', () => {
    const weights: Weights = { source, byFunction: new Map([['vfs_read', 0.3]]) }
    expect(weightedScore({ vfs_read: 1 }, weights, 'functions')).toEqual(
      weightedScore({ vfs_read: 9 }, weights, 'functions'),
    )
  })
})

describe('imported weights', () => {
  it('are kept with what they were made of', () => {
    const weights: Weights = { source, byFunction: new Map([['vfs_read', 0.25]]) }
    expect(readWeights(folder)).toBeUndefined()
    const file = saveWeights(folder, weights)
    expect(readWeights(folder)).toEqual(weights)
    writeFileSync(file, '{"version":1')
    expect(() => readWeights(folder)).toThrow(/is damaged/)
  })

  it('need a row that says where a CVE is', () => {
    expect(() => parseCveLocations(text('cve,function,file\nCVE-2024-1086,,\n'))).toThrow(/x\.csv:2 names neither/)
  })
})
