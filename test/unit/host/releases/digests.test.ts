/** Which digests a file must have: the one that isobench knows, and the one that the user set. */

import { createHash } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '../../../../src/core/project/config.ts'
import { DigestError } from '../../../../src/host/releases/errors.ts'
import { type InstallEvent, type InstallOptions, installRelease } from '../../../../src/host/releases/install.ts'
import type { Release } from '../../../../src/host/releases/release.ts'
import { ownFolders } from '../../../support/releases.ts'

const path = ownFolders()
beforeEach(() => writeFileSync(path('mirror/crun'), 'crun'))

const url = 'https://releases.invalid/9.0/crun'
const digest = (algorithm: string, text = 'crun') => `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`

/** A release of one file, with a digest that isobench knows or without. */
const releaseWith = (known?: string): Release => ({
  name: 'crun',
  version: '9.0',
  arch: 'x86_64',
  license: 'GPL-2.0-or-later',
  files: [
    {
      url,
      ...(known !== undefined && { sha256: known.split(':')[1]! }),
      statedBy: known === undefined ? 0 : 3,
      archive: 'none',
      members: [{ path: 'crun', as: 'crun' }],
    },
  ],
  programs: { crun: 'crun' },
  platforms: ['crun'],
})

async function install(release: Release, options: InstallOptions = {}) {
  const verified: (InstallEvent & { kind: 'verified' })[] = []
  const onEvent = (event: InstallEvent) => event.kind === 'verified' && verified.push(event)
  const installed = await installRelease(release, { from: path('mirror'), onEvent, ...options })
  return { record: installed.files[0]!, statedBy: verified[0]!.statedBy }
}

describe('a file without a known digest', () => {
  it('is refused, with the two ways to install it', async () => {
    await expect(install(releaseWith())).rejects.toMatchObject({
      code: 'ISOBENCH_HOST',
      message: `no digest of ${url} is known, so isobench cannot verify the file.`,
      fix:
        'trust the first download, and compare the digest that it prints: isobench provision crun@9.0 ' +
        `--trust-first-download; or set the digest in isobench.config.ts: releaseDigests: { '${url}': 'sha256:...' }`,
    })
    expect(existsSync(path('home'))).toBe(false)
  })

  it('is installed if the user trusts it, with its digest in the record', async () => {
    const { record, statedBy } = await install(releaseWith(), { trustFirst: true })
    expect(record).toMatchObject({ digest: digest('sha256'), trustedFirst: true })
    expect(statedBy).toBe('nothing')
  })

  it.each(['sha256', 'sha512'])('is verified by the digest of the config: %s', async (algorithm) => {
    const { record, statedBy } = await install(releaseWith(), { digests: { [url]: digest(algorithm) } })
    expect(record).toMatchObject({ digest: digest(algorithm), trustedFirst: false })
    expect(statedBy).toBe('config')
  })

  it('is refused with another digest of the config, also if the user trusts it', async () => {
    const wrong = digest('sha256', 'other')
    const error = await install(releaseWith(), { digests: { [url]: wrong }, trustFirst: true }).catch((one) => one)
    expect(error).toBeInstanceOf(DigestError)
    expect(error.message).toBe(
      `${path('mirror/crun')} is not the file of crun 9.0: its digest is ${digest('sha256')}, ` +
        `not ${wrong}, the one in releaseDigests of the config.`,
    )
    expect(existsSync(path('home'))).toBe(false)
  })

  it('is not verified by the digest of another address, or by a name that every object has', async () => {
    for (const digests of [{ [`${url}2`]: digest('sha256') }, {}])
      await expect(install(releaseWith(), { digests })).rejects.toThrow('no digest of')
  })
})

describe('a file with a known digest', () => {
  it('must have that one and the one of the config', async () => {
    const known = digest('sha256')
    const [other, right] = [digest('sha512', 'other'), digest('sha512')]
    await expect(install(releaseWith(known), { digests: { [url]: other } })).rejects.toThrow(`not ${other}, the one`)
    const wrongKnown = releaseWith(digest('sha256', 'other'))
    await expect(install(wrongKnown, { digests: { [url]: right } })).rejects.toThrow(DigestError)
    const { record, statedBy } = await install(releaseWith(known), { digests: { [url]: right } })
    expect([record.digest, statedBy]).toEqual([known, 3])
  })
})

describe('a release that is installed', () => {
  const again = (digests: InstallOptions['digests']) => installRelease(releaseWith(), { digests })

  it('counts as verified if the file had the digest of the config', async () => {
    await install(releaseWith(), { trustFirst: true })
    expect((await again({})).files[0]).toMatchObject({ trustedFirst: true })
    const record = { digest: digest('sha256'), trustedFirst: false }
    expect((await again({ [url]: digest('sha256') })).files[0]).toMatchObject(record)
  })

  it.each([digest('sha256', 'other'), digest('sha512')])('is refused if its record has not %s', async (pinned) => {
    await install(releaseWith(), { trustFirst: true })
    const error = await again({ [url]: pinned }).catch((one) => one)
    expect(error).toBeInstanceOf(DigestError)
    expect(error.message).toBe(
      `crun 9.0 in ${path('home/crun/9.0')} was installed from a file with the digest ${digest('sha256')}, ` +
        `not ${pinned}, the one in releaseDigests of the config.`,
    )
    expect(error.fix).toBe('isobench provision --remove crun@9.0, then isobench provision crun@9.0')
  })

  it('is not refused for a digest of another algorithm if its file was verified', async () => {
    const release = releaseWith(digest('sha256'))
    await install(release)
    const [file] = (await installRelease(release, { digests: { [url]: digest('sha512') } })).files
    expect(file).toMatchObject({ digest: digest('sha256'), trustedFirst: false })
  })

  it('is not called installed if a program is gone', async () => {
    await install(releaseWith(), { trustFirst: true })
    rmSync(path('home/crun/9.0/crun'))
    await expect(again({})).rejects.toMatchObject({
      code: 'ISOBENCH_HOST',
      message: `crun 9.0 in ${path('home/crun/9.0')} lacks its program crun.`,
      fix: 'isobench provision --remove crun@9.0, then isobench provision crun@9.0',
    })
  })
})

it('the config refuses a digest that is none', () => {
  const problems = (value: string) =>
    configSchema
      .safeParse({ platforms: [{ kind: 'a', name: 'a', tags: [], options: {} }], releaseDigests: { [url]: value } })
      .error?.issues.map(({ message }) => message)
  expect(problems(digest('sha256'))).toBeUndefined()
  for (const value of ['0'.repeat(64), 'sha256:12', `md5:${'0'.repeat(32)}`, digest('sha256').toUpperCase()])
    expect(problems(value)).toEqual(['write it in lower case, as "sha256:" and 64 digits or "sha512:" and 128 digits'])
})
