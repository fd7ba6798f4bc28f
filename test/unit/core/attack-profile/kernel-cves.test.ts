import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { affectsKernel, parseKernelCve, readKernelCves } from '../../../../src/core/attack-profile/kernel-cves.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-cves-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A record with the versions of CVE-2024-26581, and with files, which records have since 2024-12. */
const record = (state = 'PUBLISHED') => ({
  dataType: 'CVE_RECORD',
  cveMetadata: { cveId: 'CVE-2024-26581', state },
  containers: {
    cna: {
      affected: [
        {
          defaultStatus: 'unaffected',
          programFiles: ['net/netfilter/nft_set_rbtree.c'],
          versions: [{ version: '89a4d1a89751', lessThan: '1296c110c5a0', status: 'affected', versionType: 'git' }],
        },
        {
          defaultStatus: 'affected',
          programFiles: ['net/netfilter/nft_set_rbtree.c'],
          versions: [
            { version: '6.5', status: 'affected' },
            { version: '0', lessThan: '6.5', status: 'unaffected', versionType: 'semver' },
            { version: '6.1.78', lessThanOrEqual: '6.1.*', status: 'unaffected', versionType: 'semver' },
            { version: '6.6.17', lessThanOrEqual: '6.6.*', status: 'unaffected', versionType: 'semver' },
            { version: '6.7.5', lessThanOrEqual: '6.7.*', status: 'unaffected', versionType: 'semver' },
            { version: '6.8-rc4', lessThanOrEqual: '*', status: 'unaffected', versionType: 'original_commit_for_fix' },
          ],
        },
      ],
    },
  },
})

describe('a CVE record of the kernel', () => {
  const { affected, files } = parseKernelCve(record())!

  it('is left out if it is of another product', () => {
    const other = record()
    other.containers.cna.affected = other.containers.cna.affected.map((one) => ({ ...one, product: 'PHP' }))
    expect(parseKernelCve(other)).toBeUndefined()
    other.containers.cna.affected = other.containers.cna.affected.map((one) => ({ ...one, product: 'Linux' }))
    expect(parseKernelCve(other)?.files).toEqual(files)
  })

  it('has the source files, each once', () => {
    expect(files).toEqual(['net/netfilter/nft_set_rbtree.c'])
  })

  it.each([
    ['5.10.0', false],
    ['6.4.99', false],
    ['6.5.0', true],
    ['6.5.13-amd64', true],
    ['6.6.16', true],
    ['6.6.17', false],
    ['6.6.99+deb13-cloud-amd64', false],
    ['6.7', true],
    ['6.7.5', false],
    ['6.8-rc3', true],
    ['6.8.0-rc3', true],
    ['6.8-rc4', false],
    ['6.8', false],
    ['6.12.117+deb13-amd64', false],
    ['unknown', undefined],
  ])('says whether Linux %s has it: %s', (kernel, expected) => {
    expect(affectsKernel(affected, kernel)).toBe(expected)
  })

  it('says nothing about versions if it has only commits', () => {
    const commits = record()
    commits.containers.cna.affected.splice(1)
    expect(affectsKernel(parseKernelCve(commits)!.affected, '6.6.1')).toBeUndefined()
  })

  it('is left out if it was rejected', () => {
    expect(parseKernelCve(record('REJECTED'))).toBeUndefined()
  })
})

describe('a folder of records', () => {
  it('is read with its subfolders and byte order marks', () => {
    mkdirSync(join(folder, 'good/2024'), { recursive: true })
    writeFileSync(join(folder, 'good/2024/CVE-2024-26581.json'), `\ufeff${JSON.stringify(record())}`)
    writeFileSync(join(folder, 'good/2024/CVE-2024-26581.sha1'), 'x')
    expect(readKernelCves(join(folder, 'good')).map(({ cve }) => cve)).toEqual(['CVE-2024-26581'])
  })

  it('is refused if it is missing, empty or damaged', () => {
    expect(() => readKernelCves(join(folder, 'none'))).toThrow(/there is no folder/)
    mkdirSync(join(folder, 'empty'))
    expect(() => readKernelCves(join(folder, 'empty'))).toThrow(/has no CVE records/)
    mkdirSync(join(folder, 'bad'))
    writeFileSync(join(folder, 'bad/CVE-2024-0001.json'), '{"cveMetadata":')
    expect(() => readKernelCves(join(folder, 'bad'))).toThrow(/CVE-2024-0001\.json is no CVE record/)
    writeFileSync(join(folder, 'bad/CVE-2024-0001.json'), '{"cveMetadata":{"cveId":"CVE-2024-0001"},"containers":{}}')
    expect(() => readKernelCves(join(folder, 'bad'))).toThrow(/is no CVE record: cveMetadata\.state: Invalid/)
  })
})
