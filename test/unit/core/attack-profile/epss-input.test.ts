import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import {
  functionsInFile,
  parseCveLocations,
  parseScores,
  parseSources,
  readText,
} from '../../../../src/core/attack-profile/epss-input.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-epss-'))
afterAll(() => rmSync(folder, { recursive: true }))

const text = (content: string) => ({ file: 'x.csv', text: content, digest: 'd' })

// The form of FIRST's daily file, with scores of no real day.
const daily = `#model_version:v2025.03.14,score_date:2026-01-02T00:00:00+0000
cve,epss,percentile
CVE-2024-1086,0.5,0.97
CVE-2022-0847,2e-1,0.9
CVE-2021-3715,0.1,0.5
`

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

  it.each(['2026-01-02', '2026-01-02T23:30:00+0200', '2024-02-29'])('has the date %s', (date) => {
    expect(parseScores(text(daily.replace('2026-01-02T00:00:00+0000', date))).date).toBe(date)
  })

  it('has no date without the comment, or if nothing is written there', () => {
    expect(parseScores(text(daily.replace('2026-01-02T00:00:00+0000', ''))).date).toBeNull()
    expect(parseScores(text(daily.replace(/^#.*\n/, ''))).date).toBeNull()
  })

  it.each(['yesterday', '02/01/2026', '2026-13-45', '2026-02-30', '2026-01-02x', '2026-01-02T99:00'])(
    'refuses %s as a date, because the file is damaged',
    (date) => {
      const read = () => parseScores(text(daily.replace('2026-01-02T00:00:00+0000', date)))
      expect(read).toThrow(`score_date is "${date}", which is no date`)
    },
  )

  it('reads the same gzipped as plain, with the digest of the file', () => {
    const [plain, packed] = [join(folder, 'a.csv'), join(folder, 'a.csv.gz')]
    writeFileSync(plain, daily)
    writeFileSync(packed, gzipSync(daily))
    expect(readText(packed).text).toBe(readText(plain).text)
    expect(readText(packed).digest).not.toBe(readText(plain).digest)
    expect(readText(plain).digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each([
    ['', /is empty/],
    ['cve,epss\n', /x\.csv has no scores/],
    ['a,b\n', /no column "cve"/],
    ['cve,epss\nCVE-2024-1086,1.5\n', /x\.csv:2: "1\.5" is no probability/],
    ['cve,epss\nCVE-2024-1086,\n', /x\.csv:2: "" is no probability/],
    ['cve,epss\nCVE-2024-1086,nan\n', /no probability/],
    ['cve,epss\nCVE-2024-1086,0x1\n', /x\.csv:2: "0x1" is no probability/],
    ['cve,epss\nCVE-2024-1086,-0\n', /"-0" is no probability/],
    ['cve,epss\nCVE-2024-1086,0.5\nCVE-2024-1086,0.4\n', /x\.csv:3: CVE-2024-1086 has a second score/],
    ['cve,epss\nCVE-2024-1086,0.5\nCVE-2022-0847,0.0', /x\.csv ends in the middle of a line/],
    ['cve,epss\nGHSA-1,0.5\n', /"GHSA-1" is no CVE/],
    ['cve,epss\nCVE-2024-1086\n', /x\.csv:2 has 1 fields, and the header has 2/],
    ['cve,epss\n"CVE-2024-1086",0.5\n', /has a quote/],
    ['cve,epss,EPSS\nCVE-2024-1086,0.5,0.9\n', /x\.csv:1: the header has the column "epss" twice/],
  ])('is refused when it is %j', (content, why) => {
    expect(() => parseScores(text(content))).toThrow(why)
  })

  it('may have a byte order mark and the line ends of Windows', () => {
    const file = join(folder, 'windows.csv')
    writeFileSync(file, `\ufeff${daily.replaceAll('\n', '\r\n')}`)
    expect(parseScores(readText(file))).toEqual(parseScores(text(daily)))
  })

  it('is refused when it is UTF-16, or too long once it is unpacked', () => {
    const [wide, bomb] = [join(folder, 'wide.csv'), join(folder, 'bomb.csv.gz')]
    writeFileSync(wide, `\ufeff${daily}`, 'utf16le')
    expect(() => readText(wide)).toThrow(/is not UTF-8/)
    writeFileSync(bomb, gzipSync(Buffer.alloc(10_000)))
    expect(() => readText(bomb, 9_999)).toThrow(/bomb\.csv\.gz has more than 9,999 bytes/)
    expect(() => readText(bomb, 10)).toThrow(/has more than 10 bytes/)
  })

  it('is refused when it was cut short', () => {
    const file = join(folder, 'cut.gz')
    writeFileSync(file, gzipSync(daily).subarray(0, 40))
    expect(() => readText(file)).toThrow(/cannot be unpacked/)
    expect(() => readText(join(folder, 'none'))).toThrow(/there is no file/)
    expect(() => readText(folder)).toThrow(/is a folder/)
  })
})

describe('the places of CVEs', () => {
  it('are a function or a file', () => {
    expect(
      parseCveLocations(text('cve,function,file\ncve-2021-3715,route4_change,\nCVE-2022-0847,,fs/pipe.c\n')),
    ).toEqual([
      { at: 'x.csv:2', cve: 'CVE-2021-3715', function: 'route4_change' },
      { at: 'x.csv:3', cve: 'CVE-2022-0847', file: 'fs/pipe.c' },
    ])
  })

  it.each([
    ['cve,function,file\nCVE-2024-1086,,\n', /x\.csv:2 has neither/],
    ['cve,function,file\nCVE-2024-1086,a,b.c\n', /x\.csv:2 has a function and a file/],
    ['cve,function\nCVE-2024-1086,fs/pipe.c\n', /x\.csv:2: "fs\/pipe\.c" is no function/],
    ['cve,function\nCVE-2024-1086,vfs_re', /x\.csv ends in the middle of a line/],
  ])('are refused when they are %j', (content, why) => {
    expect(() => parseCveLocations(text(content))).toThrow(why)
  })
})

describe('the source files of functions', () => {
  it('come from a CSV file', () => {
    const sources = parseSources(text('function,file\npipe_read,fs/pipe.c\nhelper,fs/pipe.c\nhelper,fs/other.c\n'))
    expect([...sources]).toEqual([
      ['fs/pipe.c', ['pipe_read', 'helper']],
      ['fs/other.c', ['helper']],
    ])
  })

  it('come from nm --line-numbers, with the paths of the build', () => {
    const sources = parseSources(
      text(
        'ffffffff81000000 T _stext\n' +
          'ffffffff8134a1c0 t pipe_read\t/build/linux-6.12/fs/pipe.c:247\n' +
          '                 U nothing\n' +
          'ffffffff8134b000 T other_read\t/build/linux-6.12/drivers/other/fs/pipe.c:3\n' +
          'ffffffff8134b800 D pipe_data\t/build/linux-6.12/fs/pipe.c:9\n' +
          'ffffffff8134c000 T unknown_line\t/build/linux-6.12/mm/slub.c:?\n' +
          'ffffffff8134d000 T blank\t/build/my linux/mm/other.c:8\n',
      ),
    )
    const inFile = functionsInFile(sources)
    expect(inFile('fs/pipe.c')).toEqual(['pipe_read'])
    expect(inFile('mm/slub.c')).toEqual(['unknown_line'])
    expect(inFile('mm/other.c')).toEqual(['blank'])
    expect(inFile('drivers/other/fs/pipe.c')).toEqual(['other_read'])
    expect(inFile('./fs/pipe.c')).toEqual(['pipe_read'])
    expect(inFile('s/pipe.c')).toEqual([])
    expect(inFile('pipe')).toEqual([])
  })

  it.each([
    ['ffffffff8134a1c0 t pipe_read\tfs/pipe.c:247\nsomething else here\n', /x\.csv:2 is no line of nm/],
    ['ffffffff8134a1c0 t pipe_read\tfs/pipe.c:247\nffffffff8134a2c0 t pipe_wr', /x\.csv ends in the middle of a line/],
    ['ffffffff8134a1c0 t pipe_read\nffffffff8134a2c0 t pipe_write\n', /x\.csv has no source files/],
    ['function,file\npipe_read,\n', /x\.csv:2 needs a function and a file/],
  ])('are refused when they are %j', (content, why) => {
    expect(() => parseSources(text(content))).toThrow(why)
  })
})
