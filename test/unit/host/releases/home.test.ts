/** Folders of releases that users choose: relative, with spaces, with links, and without space. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { folderLock, LockedError, lock } from '../../../../src/host/lock.ts'
import { cacheFolder, releasesFolder, stateFolder } from '../../../../src/host/paths.ts'
import { findBuild } from '../../../../src/host/releases/build.ts'
import { installRelease, partialDownloads, removeRelease } from '../../../../src/host/releases/install.ts'
import type { Release } from '../../../../src/host/releases/release.ts'
import { tarOf } from '../../../support/archives.ts'
import { ownFolders } from '../../../support/releases.ts'
import { script } from '../children.ts'

const path = ownFolders()

/** A release with one program. Its archive is in the mirror. */
async function publish(content: string | Uint8Array = 'runsc'): Promise<Release> {
  const bytes = gzipSync(await tarOf([{ name: 'runsc', mode: 0o755, content }]))
  writeFileSync(path('mirror/runsc.tar.gz'), bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const url = 'https://releases.invalid/9.0/runsc.tar.gz'
  return {
    name: 'gvisor',
    version: '9.0',
    arch: 'x86_64',
    license: 'Apache-2.0',
    files: [{ url, sha256, statedBy: 1, archive: 'tar.gz', members: { bundle: '.' } }],
    programs: { runsc: 'runsc' },
    platforms: ['gvisor'],
  }
}

const gvisor = { release: 'gvisor', program: 'runsc' }

describe('the folders of isobench', () => {
  it.each([
    ['ISOBENCH_HOME', releasesFolder],
    ['ISOBENCH_CACHE', cacheFolder],
    ['ISOBENCH_STATE', stateFolder],
  ])('must be absolute, and without a colon: %s', (variable, read) => {
    vi.stubEnv(variable, 'some/folder')
    expect(read).toThrow(`the variable ${variable} is "some/folder", which is not an absolute path.`)
    vi.stubEnv(variable, '/some:folder')
    expect(read).toThrow(`the variable ${variable} is "/some:folder", which has a colon.`)
    vi.stubEnv(variable, '/some//folder/')
    expect(read()).toBe('/some/folder')
    vi.stubEnv(variable, '')
    expect(read()).toMatch(/^\/(opt|var\/\w+)\/isobench$/)
  })

  it.each(['with spaces', '$(touch x) "quoted"', 'größe'])('may have any name: %s', async (name) => {
    vi.stubEnv('ISOBENCH_HOME', path(name))
    const release = await publish()
    const installed = await installRelease(release, { from: path('mirror') })
    expect(findBuild(gvisor, { version: '9.0' }).binary).toBe(join(path(name), 'gvisor/9.0/runsc'))
    expect(readFileSync(join(installed.folder, 'runsc'), 'utf8')).toBe('runsc')
    await removeRelease(installed)
    expect(existsSync(path(name))).toBe(false)
  })

  it('may be a link to a folder, which stays', async () => {
    mkdirSync(path('disk'))
    symlinkSync(path('disk'), path('home'))
    const installed = await installRelease(await publish(), { from: path('mirror') })
    expect(realpathSync(installed.folder)).toBe(path('disk/gvisor/9.0'))
    await removeRelease(installed)
    expect(readdirSync(path('disk'))).toEqual([])
    expect(existsSync(path('home'))).toBe(true)
  })
})

describe('another process that installs', () => {
  it('is waited for, or an error if the caller does not wait', async () => {
    const release = await publish()
    mkdirSync(path('home'))
    const other = await lock(folderLock(path('home')), { purpose: 'installing kata 4.2.0' })
    const error = await installRelease(release, { from: path('mirror'), wait: false }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(LockedError)
    expect(error.message).toMatch(/process \d+, installing kata 4\.2\.0, since /)
    expect(error.fix).toContain('--wait-for-lock')
    const waiting = installRelease(release, { from: path('mirror'), onEvent: () => other[Symbol.dispose]() })
    const installed = await waiting
    const again = await lock(folderLock(path('home')), { purpose: 'removing' })
    await expect(removeRelease(installed, { wait: false })).rejects.toThrow(LockedError)
    again[Symbol.dispose]()
    await removeRelease(installed)
  })
})

it('a bundle that has something else in the place of the record gets the record', async () => {
  const release = await publish()
  const entries = [
    { name: 'runsc', mode: 0o755, content: 'runsc' },
    { name: 'release.json/programs', content: 'x' },
  ]
  const bytes = gzipSync(await tarOf(entries))
  writeFileSync(path('mirror/runsc.tar.gz'), bytes)
  const files = [{ ...release.files[0]!, sha256: createHash('sha256').update(bytes).digest('hex') }]
  const { folder: installed } = await installRelease({ ...release, files }, { from: path('mirror') })
  expect(JSON.parse(readFileSync(join(installed, 'release.json'), 'utf8')).programs).toEqual({ runsc: 'runsc' })
})

it('a process that may not write so much leaves nothing, and names the folder, the need and the fix', async () => {
  const release = await publish(Buffer.alloc(4_000_000))
  const code = `import { installRelease } from './src/host/releases/install.ts'
    try { await installRelease(${JSON.stringify(release)}, { from: ${JSON.stringify(path('mirror'))} }) }
    catch ({ code, message, fix }) { console.log(JSON.stringify({ code, message, fix })) }`
  const file = await script(path('.'), 'installer', code)
  const limited = `ulimit -f 2048; exec "$0" "$1"`
  const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, file], { encoding: 'utf8' })
  const { code: kind, message, fix } = JSON.parse(stdout)
  expect(kind).toBe('ISOBENCH_WRITE')
  expect(message).toMatch(
    /\/home\/gvisor-9\.0\.\w+\.tmp cannot be written: it is larger than the limit of this process/,
  )
  expect(message).toMatch(/\. The files of runsc\.tar\.gz need more than 2 MiB there\.$/)
  expect(fix).toBe('raise it: ulimit -f unlimited')
  expect(existsSync(path('home'))).toBe(false)
  expect(readdirSync(path('state/journals'))).toEqual([])
  // The file is complete and verified, so another try need not fetch it again.
  expect(partialDownloads()).toHaveLength(1)
})

it('what a killed installation unpacked is removed by the next one', async () => {
  const release = await publish()
  const unfinished = path('home/kata-4.2.0.abc.tmp')
  const code = `import { mkdirSync } from 'node:fs'
    import { inHome } from './src/host/releases/home.ts'
    const unpack = () => {
      mkdirSync('${unfinished}/bin', { recursive: true })
      process.kill(process.pid, 'SIGKILL')
    }
    await inHome({ purpose: 'installing kata 4.2.0' }, ({ journal }) =>
      journal.create({ kind: 'directory', path: '${unfinished}' }, unpack))`
  spawnSync(process.execPath, [await script(path('.'), 'killed', code)])
  expect(existsSync(unfinished)).toBe(true)
  const installed = await installRelease(release, { from: path('mirror') })
  expect(readdirSync(path('home'))).toEqual(['gvisor'])
  await removeRelease(installed)
  expect(existsSync(path('home'))).toBe(false)
})

it('a folder of releases that this user must not read is named', async () => {
  mkdirSync(path('home'), { mode: 0o000 })
  const code = `import { installedReleases } from './src/host/releases/store.ts'
    if (process.getuid() === 0) process.setuid(65534)
    try { installedReleases() } catch ({ code, message, fix }) { console.log(JSON.stringify([code, message, fix])) }`
  const file = await script(path('.'), 'reader', code)
  chmodSync(path('.'), 0o755)
  const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  expect(JSON.parse(stdout)).toEqual([
    'ISOBENCH_HOST',
    `this user must not read ${path('home')}.`,
    'run isobench as root, or set ISOBENCH_HOME',
  ])
})
