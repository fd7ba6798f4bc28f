import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestOf, packagesDigest, recipe } from '../../../src/host/image-recipe.ts'
import { debianSources, reachableSources, which } from '../../../src/host/packages.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  mkdirSync(join(root, 'var/lib/dpkg'), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true }))

const entry = (name: string, version: string, status = 'install ok installed') =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: ${version}\nDescription: a tool\n more\n`

const digestWith = (...entries: string[]) => {
  writeFileSync(join(root, 'var/lib/dpkg/status'), entries.join('\n'))
  return packagesDigest(root)
}

test('the digest of the packages changes with a version, and with neither order nor removed packages', () => {
  const [sysbench, fio] = [entry('sysbench', '1.0.20+ds-7'), entry('fio', '3.39-1')]
  const digest = digestWith(sysbench, fio)
  expect(digest).toMatch(/^[0-9a-f]{12}$/)
  expect(digestWith(fio, sysbench)).toBe(digest)
  expect(digestWith(sysbench, fio, entry('gcc', '14.2', 'deinstall ok config-files'))).toBe(digest)
  expect(digestWith(entry('sysbench', '1.0.20+ds-8'), fio)).not.toBe(digest)
  expect(digestWith(sysbench)).not.toBe(digest)
})

test('a root filesystem without a list of packages has no such digest', () => {
  expect(packagesDigest(root)).toBeUndefined()
})

test('an image of another day is another image', () => {
  expect(digestOf(recipe([], '2026-11-01'))).not.toBe(digestOf(recipe()))
  expect(digestOf(recipe([], undefined))).toBe(digestOf(recipe()))
})

test('a snapshot has the archive and the security archive of that day', () => {
  const signed = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  expect(debianSources({ suite: 'trixie', components: ['main', 'non-free'], snapshot: '2026-11-01' })).toEqual([
    `${signed} https://snapshot.debian.org/archive/debian/20261101T000000Z trixie main non-free`,
    `${signed} https://snapshot.debian.org/archive/debian-security/20261101T000000Z trixie-security main non-free`,
  ])
})

test.runIf(which('apt-get'))('a source that apt cannot reach is left out, and named', async () => {
  const [main, broken] = [
    'deb http://localhost/unused trixie main',
    `deb [trusted=yes] file:${root}/nothing trixie main`,
  ]
  const lines: string[] = []
  const options = { onLine: (line: string) => void lines.push(line) }
  expect(await reachableSources([main, broken], join(root, 'apt'), options)).toEqual([main])
  expect(lines).toEqual([
    `apt cannot reach "${broken}", so the image does not get its packages`,
    'to add them later: isobench image remove && isobench image build',
  ])
})
