import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ArchiveError, DigestError, DownloadError } from '../../../../src/host/releases/errors.ts'
import {
  type InstallEvent,
  type InstallOptions,
  installRelease,
  partialDownloads,
  removePartialDownloads,
  removeRelease,
} from '../../../../src/host/releases/install.ts'
import type { Release, ReleaseFile } from '../../../../src/host/releases/release.ts'
import { installedProgram, installedRelease, installedReleases } from '../../../../src/host/releases/store.ts'
import { WriteError } from '../../../../src/util/files.ts'
import { archiveOf, type TestEntry, tarOf } from '../../../support/archives.ts'
import { sendFile, serve } from '../../../support/loopback.ts'
import { ownFolders } from '../../../support/releases.ts'

const place = ownFolders()
const home = () => place('home')
let mirror: string
beforeEach(() => {
  mirror = place('mirror')
})

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const sha512 = (bytes: Uint8Array) => createHash('sha512').update(bytes).digest('hex')

const firecrackerEntries: TestEntry[] = [
  { name: 'release-v9.0-x86_64/', type: 'directory' },
  { name: 'release-v9.0-x86_64/firecracker-v9.0-x86_64', mode: 0o4755, content: '#!/bin/sh\necho Firecracker v9.0\n' },
  { name: 'release-v9.0-x86_64/jailer-v9.0-x86_64', mode: 0o755, content: 'jailer' },
  { name: 'release-v9.0-x86_64/SHA256SUMS', content: 'sums' },
]
const archive = gzipSync(await tarOf(firecrackerEntries))
const url = 'https://releases.invalid/v9.0/firecracker-v9.0-x86_64.tgz'

const file: ReleaseFile = {
  url,
  sha256: sha256(archive),
  statedBy: 3,
  size: archive.length,
  archive: 'tar.gz',
  members: ['firecracker', 'jailer'].map((name) => ({ path: `release-v9.0-x86_64/${name}-v9.0-x86_64`, as: name })),
}
const release: Release = {
  name: 'firecracker',
  version: '9.0',
  arch: 'x86_64',
  license: 'Apache-2.0',
  files: [file],
  programs: { firecracker: 'firecracker', jailer: 'jailer' },
  platforms: ['firecracker'],
}

const withFile = (changes: Partial<ReleaseFile>): Release => ({ ...release, files: [{ ...file, ...changes }] })

function publish(bytes: Uint8Array = archive, name = 'firecracker-v9.0-x86_64.tgz'): void {
  writeFileSync(join(mirror, name), bytes)
}

const install = (what: Release = release, options: InstallOptions = { from: mirror }) => installRelease(what, options)

/** Fails, and checks that nothing is left but what a later download continues. */
async function expectRefusal(
  kind: new (message: string) => Error,
  what: Release,
  options: InstallOptions = { from: mirror },
) {
  const error = await install(what, options).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(kind)
  expect(existsSync(home())).toBe(false)
  const journals = place('state/journals')
  expect(existsSync(journals) ? readdirSync(journals) : []).toEqual([])
  return error as Error & { readonly fix?: string }
}

describe('a release', () => {
  it('is installed from a folder, with its record and its programs', async () => {
    publish()
    const events: InstallEvent[] = []
    const installed = await install(release, { from: mirror, onEvent: (event) => events.push(event) })
    const folder = join(home(), 'firecracker/9.0')
    expect(readdirSync(folder).sort()).toEqual(['firecracker', 'jailer', 'release.json'])
    expect(statSync(join(folder, 'firecracker')).mode & 0o7777).toBe(0o755)
    expect(installed).toEqual(installedRelease('firecracker', '9.0'))
    expect(installed).toMatchObject({
      folder,
      license: 'Apache-2.0',
      files: [
        {
          url,
          source: join(mirror, 'firecracker-v9.0-x86_64.tgz'),
          digest: `sha256:${sha256(archive)}`,
          trustedFirst: false,
        },
      ],
    })
    expect(installedProgram('firecracker', 'jailer')).toBe(join(folder, 'jailer'))
    expect(events.map(({ kind }) => kind)).toEqual(['downloading', 'downloading', 'verified', 'unpacking'])
    expect(partialDownloads()).toEqual([])
    expect(readdirSync(place('state/journals'))).toEqual([])
  })

  it('is installed from an address, and not again', async () => {
    await using server = await serve(sendFile(archive))
    const from = `${server.address}/mirror/`
    const first = await install(release, { from })
    expect(await install(release, { from })).toEqual(first)
    expect(server.requests).toEqual(['GET /mirror/firecracker-v9.0-x86_64.tgz'])
  })

  it('is fetched with the password of the mirror, which is not in its record and its events', async () => {
    const sent: (string | undefined)[] = []
    await using server = await serve((request, response) => {
      sent.push(request.headers.authorization)
      sendFile(archive)(request, response)
    })
    const events: InstallEvent[] = []
    const from = server.address.replace('//', '//user:secret@')
    const { folder, files } = await install(release, { from, onEvent: (event) => events.push(event) })
    expect(sent).toEqual([`Basic ${Buffer.from('user:secret').toString('base64')}`])
    expect(files[0]!.source).toBe(`${server.address.replace('//', '//***@')}/firecracker-v9.0-x86_64.tgz`)
    expect(readFileSync(join(folder, 'release.json'), 'utf8')).not.toContain('secret')
    expect(JSON.stringify(events)).not.toContain('secret')
  })

  it('is installed once by two processes at the same time', async () => {
    await using server = await serve(sendFile(archive))
    const waiting: InstallEvent[] = []
    const onEvent = (event: InstallEvent) => event.kind === 'waiting' && waiting.push(event)
    const both = await Promise.all([1, 2].map(() => install(release, { from: server.address, onEvent })))
    expect(both[0]).toEqual(both[1])
    expect(server.requests).toHaveLength(1)
    expect(waiting).toMatchObject([{ holder: { pid: process.pid, purpose: 'installing firecracker 9.0' } }])
  })

  it('stands beside another version', async () => {
    publish()
    await install()
    await install({ ...release, version: '10.0' })
    expect(installedReleases().map(({ version }) => version)).toEqual(['10.0', '9.0'])
  })

  it('is verified by SHA-512 if the project publishes that', async () => {
    const bundle = await archiveOf('tar.gz', [
      { name: 'runsc', mode: 0o755, content: 'runsc' },
      { name: 'gvisor-bin/gvisor_sentry', mode: 0o755, content: 'sentry' },
    ])
    publish(bundle, 'gvisor.tar.gz')
    const gvisor: Release = {
      ...release,
      name: 'gvisor',
      files: [
        {
          url: 'https://a/gvisor.tar.gz',
          sha512: sha512(bundle),
          statedBy: 1,
          archive: 'tar.gz',
          members: { bundle: '.' },
        },
      ],
      programs: { runsc: 'runsc', gvisor_sentry: 'gvisor-bin/gvisor_sentry' },
    }
    const { folder } = await install(gvisor)
    expect(readFileSync(join(folder, 'gvisor-bin/gvisor_sentry'), 'utf8')).toBe('sentry')
  })

  it('may have several files without an archive', async () => {
    for (const name of ['cloud-hypervisor', 'ch-remote']) publish(Buffer.from(name), `${name}-static`)
    const files = ['cloud-hypervisor', 'ch-remote'].map(
      (name): ReleaseFile => ({
        url: `https://a/${name}-static`,
        sha256: sha256(Buffer.from(name)),
        statedBy: 1,
        archive: 'none',
        members: [{ path: `${name}-static`, as: name }],
      }),
    )
    const { folder } = await install({
      ...release,
      name: 'cloud-hypervisor',
      files,
      programs: { 'ch-remote': 'ch-remote' },
    })
    expect(readdirSync(folder).sort()).toEqual(['ch-remote', 'cloud-hypervisor', 'release.json'])
  })

  it('is removed with its folders, and the other version stays', async () => {
    publish()
    await install()
    const other = await install({ ...release, version: '10.0' })
    await removeRelease(installedRelease('firecracker', '9.0')!)
    expect(installedReleases()).toEqual([other])
    await removeRelease(other)
    expect(existsSync(home())).toBe(false)
  })
})

describe('a release is not installed, and nothing is left,', () => {
  it('with a wrong digest', async () => {
    publish(Buffer.concat([archive, Buffer.from('x')]))
    const error = await expectRefusal(DigestError, withFile({ size: undefined as never }))
    expect(error.message).toContain(`is not the file of firecracker 9.0: its digest is sha256:`)
    expect(error.message).toContain(`, not sha256:${sha256(archive)}.`)
    expect(error.fix).toContain(url)
    expect(error.fix).toContain('--from <folder or URL>')
    expect(partialDownloads()).toEqual([])
  })

  it('with one wrong file of two, before anything is unpacked', async () => {
    publish()
    publish(Buffer.from('other'), 'second.tgz')
    const events: string[] = []
    await expectRefusal(
      DigestError,
      { ...release, files: [file, { ...file, url: 'https://a/second.tgz', size: 5 }] },
      { from: mirror, onEvent: ({ kind }) => events.push(kind) },
    )
    expect(events).not.toContain('unpacking')
  })

  it('without the file', async () => {
    await expectRefusal(DownloadError, release)
    await using server = await serve((_, response) => response.writeHead(404).end())
    const error = await expectRefusal(DownloadError, release, { from: server.address })
    expect(error.message).toContain('the server answered 404')
  })

  it('without a program that drivers look for', async () => {
    const moved = gzipSync(await tarOf([{ name: 'bin/runsc', content: '' }]))
    publish(moved, 'gvisor.tar.gz')
    const files: ReleaseFile[] = [
      {
        url: 'https://a/gvisor.tar.gz',
        sha256: sha256(moved),
        statedBy: 1,
        archive: 'tar.gz',
        members: { bundle: '.' },
      },
    ]
    const error = await expectRefusal(ArchiveError, { ...release, files, programs: { runsc: 'runsc' } })
    expect(error.message).toBe('gvisor.tar.gz lacks runsc. Its project may have changed the layout.')
  })

  it('with a program that is a link out of the folder', async () => {
    const hostile = gzipSync(await tarOf([{ name: 'runsc', type: 'symlink', linkname: '../runsc' }]))
    publish(hostile, 'a.tar.gz')
    const files: ReleaseFile[] = [
      { url: 'https://a/a.tar.gz', sha256: sha256(hostile), statedBy: 1, archive: 'tar.gz', members: { bundle: '.' } },
    ]
    await expectRefusal(ArchiveError, { ...release, files, programs: { runsc: 'runsc' } })
  })

  it.each(Array.from({ length: 4 }, (_, n) => n))('when the file is cut short after %i × 64 KiB', async (n) => {
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * at * 31 + (at >> 3)) % 251))
    const long = gzipSync(await tarOf([...firecrackerEntries, { name: 'noise', content }]), { level: 0 })
    publish(long.subarray(0, n * 64 * 1024))
    const error = await expectRefusal(DownloadError, withFile({ sha256: sha256(long), size: long.length }))
    expect(error.message).toContain(`but the release has ${long.length.toLocaleString('en-US')}.`)
    await expectRefusal(DigestError, withFile({ sha256: sha256(long), size: undefined as never }))
  })

  it('if the disk is too small for the file', async () => {
    const error = await expectRefusal(WriteError, withFile({ size: 1e18 }))
    expect(error.message).toMatch(
      /downloads has [\d,]+ MiB left, but \S+\/firecracker-v9\.0-x86_64\.tgz has 953,674,316,407 MiB\.$/,
    )
    expect(error.fix).toContain('ISOBENCH_CACHE')
  })

  it('into a folder that isobench did not make', async () => {
    publish()
    const folder = join(home(), 'firecracker/9.0')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'firecracker'), 'of the user')
    await expect(install()).rejects.toThrow(`${folder} exists, but isobench did not install it.`)
    expect(readdirSync(folder)).toEqual(['firecracker'])
  })

  it.each(['a link', 'not a folder'])('into a path that is %s', async (what) => {
    publish()
    const [name, elsewhere] = [join(home(), 'firecracker'), place('elsewhere')]
    for (const path of [home(), elsewhere]) mkdirSync(path)
    if (what === 'a link') symlinkSync(elsewhere, name)
    else writeFileSync(name, '')
    await expect(install()).rejects.toThrow(`${name} is ${what}, but isobench needs a folder there.`)
    expect([readdirSync(elsewhere), readdirSync(home())]).toEqual([[], ['firecracker']])
    expect(partialDownloads()).toEqual([])
  })

  it('after an interruption', async () => {
    publish()
    const controller = new AbortController()
    const onEvent = ({ kind }: InstallEvent) => kind === 'unpacking' && controller.abort()
    await expect(install(release, { from: mirror, onEvent, signal: controller.signal })).rejects.toThrow('interrupted')
    expect(existsSync(home())).toBe(false)
  })
})

describe('a download of a release', () => {
  const part = () => place('cache/downloads/firecracker@9.0@x86_64-firecracker-v9.0-x86_64.tgz.part')
  function leave(bytes: Uint8Array): void {
    mkdirSync(place('cache/downloads'), { recursive: true })
    writeFileSync(part(), bytes)
  }

  it('continues an earlier one', async () => {
    leave(archive.subarray(0, 100))
    await using server = await serve(sendFile(archive))
    await install(release, { from: server.address })
    expect(server.requests).toEqual(['GET /firecracker-v9.0-x86_64.tgz bytes=100-'])
  })

  it('starts again if the parts do not belong together', async () => {
    leave(Buffer.alloc(100))
    await using server = await serve(sendFile(archive))
    await install(release, { from: server.address })
    expect(server.requests.map((request) => request.includes('bytes='))).toEqual([true, false])
  })

  it('is not repeated if it was complete', async () => {
    leave(archive)
    await using server = await serve(sendFile(archive))
    await install(release, { from: server.address })
    expect(server.requests).toEqual([])
  })

  it('that broke off is removed by the clean-up, and with the release', async () => {
    leave(archive.subarray(0, 100))
    publish()
    expect(await removePartialDownloads()).toEqual([part()])
    expect(existsSync(home())).toBe(false)
    const installed = await install()
    leave(archive.subarray(0, 100))
    await removeRelease(installed)
    expect(existsSync(part())).toBe(false)
  })
})

it('the clean-up leaves the download of a running installation alone', async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200, { 'content-length': archive.length })
    response.write(archive.subarray(0, 100))
  })
  const controller = new AbortController()
  let removed: Promise<string[]> | undefined
  const onEvent = (event: InstallEvent) => {
    if (event.kind === 'downloading' && event.progress.received > 0) removed = removePartialDownloads()
  }
  const running = install(release, { from: server.address, onEvent, signal: controller.signal })
  await vi.waitFor(() => expect(removed).toBeDefined())
  expect(await removed).toEqual([])
  controller.abort()
  await expect(running).rejects.toThrow('interrupted')
  expect(partialDownloads()).toHaveLength(1)
})

it('makes programs executable, whatever the archive says', async () => {
  const plain = gzipSync(await tarOf(firecrackerEntries.map((entry) => ({ ...entry, mode: 0o644 }))))
  publish(plain)
  const { folder } = await install(withFile({ sha256: sha256(plain), size: plain.length }))
  expect(['firecracker', 'jailer'].map((name) => statSync(join(folder, name)).mode & 0o7777)).toEqual([0o755, 0o755])
})

it('names what ISOBENCH_HOME is if it is no folder', async () => {
  publish()
  writeFileSync(home(), '')
  await expect(install()).rejects.toThrow(`${home()} cannot be written: it is not a folder.`)
  rmSync(home())
  symlinkSync(place('absent'), home())
  await expect(install()).rejects.toMatchObject({
    code: 'ISOBENCH_HOST',
    message: `${home()} cannot be written: it is a link to something that does not exist.`,
    fix: expect.stringMatching(
      process.getuid?.() === 0 ? /^set ISOBENCH_HOME to a folder/ : /^run isobench as root, or set ISOBENCH_HOME to/,
    ),
  })
  vi.stubEnv('ISOBENCH_HOME', '/proc/isobench')
  await expect(install()).rejects.toThrow(
    '/proc/isobench cannot be written: it is in proc, a file system of the kernel without files of users.',
  )
  vi.stubEnv('ISOBENCH_HOME', join(mirror, 'firecracker-v9.0-x86_64.tgz/home'))
  await expect(install()).rejects.toThrow('a part of the path is not a folder.')
})

describe('what another download cannot continue is removed:', () => {
  it('the files of a release with a broken archive', async () => {
    const broken = Buffer.from('no archive')
    publish()
    publish(broken, 'second.tgz')
    const second = { ...file, url: 'https://a/second.tgz', sha256: sha256(broken), size: broken.length }
    await expectRefusal(ArchiveError, { ...release, files: [file, second] })
    expect(partialDownloads()).toEqual([])
  })

  it('a part of a file without a digest', async () => {
    const unknown = { ...release, files: [{ url, statedBy: 0, archive: file.archive, members: file.members }] }
    await using server = await serve(sendFile(archive, 10))
    const error = await expectRefusal(DownloadError, unknown, { from: server.address, trustFirst: true })
    // Whether a byte was written before the connection ended is not certain. Nothing continues it in either case.
    expect(error.fix).toMatch(/^(?:run the same command again; or )?get /)
    expect(partialDownloads()).toEqual([])
    expect(server.requests).toHaveLength(3)
  })

  it('a file without a digest, if another one of the release is wrong', async () => {
    publish()
    publish(Buffer.from('wrong'), 'second.tgz')
    const first = { url, statedBy: 0, archive: file.archive, members: file.members }
    const second = { ...file, url: 'https://a/second.tgz', size: 5 }
    await expectRefusal(DigestError, { ...release, files: [first, second] }, { from: mirror, trustFirst: true })
    expect(partialDownloads()).toEqual([])
  })
})

it('the download of one version can be removed, and an empty home of the user stays', async () => {
  mkdirSync(place('cache/downloads'), { recursive: true })
  mkdirSync(home())
  const downloads = ['9.0', '9.0-rc1', '9.0.1'].map((version) => place(`cache/downloads/firecracker@${version}@x.part`))
  const [one, ...others] = downloads
  for (const path of downloads) writeFileSync(path, '')
  expect(await removePartialDownloads({ name: 'firecracker', version: '9.0' })).toEqual([one])
  expect(partialDownloads({ name: 'firecracker' }).sort()).toEqual(others)
  expect(existsSync(home())).toBe(true)
})
