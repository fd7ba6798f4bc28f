/** Installs releases: fetches, verifies, unpacks beside the target, and renames. Removes them too. */

import { createHash } from 'node:crypto'
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HostError } from '../../util/errors.ts'
import { temporaryName, WriteError, writeFileAtomic } from '../../util/files.ts'
import { maskCredentials } from '../../util/text.ts'
import { makeFolderWithMode, makeSystemFolder } from '../guest-folder.ts'
import { LockedError, type LockHolder, type LockOptions } from '../lock.ts'
import { cacheFolder, releasesFolder } from '../paths.ts'
import { runHostCommand } from '../process.ts'
import { type DownloadLimits, type DownloadProgress, download } from './download.ts'
import { ArchiveError, DigestError, mirrorHint } from './errors.ts'
import { assertWritable, inHome, type OpenHome } from './home.ts'
import type { Release, ReleaseFile } from './release.ts'
import { folderOf, type InstalledRelease, installedRelease, type ReleaseRecord, recordName } from './store.ts'
import { lacks, unpack } from './unpack.ts'

/** What happens during an installation. */
export type InstallEvent =
  | { readonly kind: 'waiting'; readonly holder: LockHolder }
  | { readonly kind: 'downloading'; readonly source: string; readonly progress: DownloadProgress }
  | { readonly kind: 'verified'; readonly source: string; readonly digest: string; readonly statedBy: number }
  | { readonly kind: 'unpacking'; readonly source: string }

export interface InstallOptions {
  /** A folder (absolute) or an address that has the files by their names. Default: where the project publishes them. */
  readonly from?: string | undefined
  /** Installs files without a known digest. */
  readonly trustFirst?: boolean
  readonly onEvent?: (event: InstallEvent) => void
  readonly signal?: AbortSignal
  readonly limits?: DownloadLimits
}

const downloadsFolder = () => join(cacheFolder(), 'downloads')

/** The file name of an address. */
const nameOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

/** Returns where a file of a release comes from, with the password of a mirror. */
export function sourceOf({ url }: Pick<ReleaseFile, 'url'>, from: string | undefined): string {
  if (from === undefined) return url
  return from.startsWith('/') ? join(from, nameOf(url)) : `${from.replace(/\/+$/, '')}/${nameOf(url)}`
}

/** The digest that a file must have: `sha512:` or `sha256:` and hexadecimal digits. Undefined if none is known. */
export function digestOf({ sha256, sha512 }: Pick<ReleaseFile, 'sha256' | 'sha512'>): string | undefined {
  if (sha512 !== undefined) return `sha512:${sha512}`
  return sha256 === undefined ? undefined : `sha256:${sha256}`
}

/** A release, or all versions of it. */
interface ReleaseChoice {
  readonly name: string
  readonly version?: string | undefined
}

/** The prefix of a release's unfinished downloads. */
const prefixOf = ({ name, version }: ReleaseChoice) => `${name}@${version === undefined ? '' : `${version}-`}`

/**
 * Installs a release unless it is installed. Verifies the digests of all files before it unpacks one, and unpacks into
 * a temporary folder, so a release is installed completely or not at all.
 * @throws {DownloadError} if a file cannot be fetched
 * @throws {DigestError} if a file has another digest
 * @throws {ArchiveError} if an archive is broken, lacks a program or would write outside its folder
 * @throws {HostError} if no digest is known, or if the folder of the release is something else
 */
export async function installRelease(release: Release, options: InstallOptions): Promise<InstalledRelease> {
  const { name, version } = release
  const { onEvent, signal } = options
  const waiting: LockOptions = {
    purpose: `installing ${name} ${version}`,
    wait: true,
    onWait: (holder) => onEvent?.({ kind: 'waiting', holder }),
    ...(signal && { signal }),
  }
  return await inHome(waiting, (home) => installIn(home, release, options))
}

async function installIn(home: OpenHome, release: Release, options: InstallOptions): Promise<InstalledRelease> {
  const { name, version, files } = release
  const target = folderOf(name, version)
  const existing = installedRelease(name, version)
  if (existing) return existing
  if (existsSync(target))
    throw new HostError(
      `${target} exists, but isobench did not install it.`,
      `move it away: mv ${target} ${target}.old`,
    )
  assertDigests(release, options)
  assertWritable(cacheFolder(), 'ISOBENCH_CACHE')
  const fetched: FetchedFile[] = []
  try {
    for (const file of files) fetched.push({ file, ...(await fetchFile(release, file, options)) })
    return await unpackAll(home, release, fetched, options)
  } catch (error) {
    // Without a digest, nothing shows later that a file is complete. A broken archive breaks again.
    for (const { file, path } of fetched)
      if (error instanceof ArchiveError || digestOf(file) === undefined) rmSync(path, { force: true })
    throw error
  }
}

/** A file that was fetched and verified. */
interface FetchedFile {
  readonly file: ReleaseFile
  readonly path: string
  readonly record: ReleaseRecord['files'][number]
}

/** Unpacks the files of a release beside its folder, and gives the folder its name. */
async function unpackAll(
  { journal, isOwn }: OpenHome,
  release: Release,
  fetched: readonly FetchedFile[],
  options: InstallOptions,
): Promise<InstalledRelease> {
  const { name, version } = release
  const target = folderOf(name, version)
  await using _parent = await journal.create({ kind: 'empty-folder', path: dirname(target) }, () => {})
  const temporary = temporaryName(join(releasesFolder(), `${name}-${version}`))
  const entry = { kind: 'directory', path: temporary } as const
  await using _temporary = await journal.create(entry, () => mkdirSync(temporary, { mode: 0o700 }))
  for (const { file, path, record } of fetched) {
    options.onEvent?.({ kind: 'unpacking', source: record.source })
    await unpack(path, file, temporary, { signal: options.signal })
    rmSync(path)
  }
  preparePrograms(release, temporary)
  const { arch, released, license, programs } = release
  const record: ReleaseRecord = {
    arch,
    ...(released !== undefined && { released }),
    license,
    installed: new Date().toISOString(),
    files: fetched.map((one) => one.record),
    programs: { ...programs },
    ...(isOwn && { madeHome: true }),
  }
  writeFileAtomic(join(temporary, recordName), `${JSON.stringify(record, null, 2)}\n`)
  chmodSync(join(temporary, recordName), 0o644)
  chmodSync(temporary, 0o755)
  // A complete release must survive a crash of the host, so wait for the disk once.
  await runHostCommand(['sync', '--file-system', temporary], { timeout: 600 })
  makeSystemFolder(dirname(target))
  renameSync(temporary, target)
  return { name, version, folder: target, ...record }
}

function assertDigests({ name, version, files }: Release, { trustFirst }: InstallOptions): void {
  const unknown = files.find((file) => digestOf(file) === undefined)
  if (unknown === undefined || trustFirst) return
  throw new HostError(
    `no digest of ${unknown.url} is known, so isobench cannot verify the file.`,
    `trust the first download, and compare the digest that it prints: isobench provision ${name}@${version} ` +
      '--trust-first-download',
  )
}

/** Fetches and verifies a file. A file with the wrong digest is removed. */
async function fetchFile(
  release: Release,
  file: ReleaseFile,
  { from, onEvent, signal, limits }: InstallOptions,
): Promise<{ readonly path: string; readonly record: ReleaseRecord['files'][number] }> {
  const address = sourceOf(file, from)
  const source = maskCredentials(address)
  const expected = digestOf(file)
  makeFolderWithMode(downloadsFolder(), 0o700)
  assertSpace(file.size)
  const path = join(downloadsFolder(), `${prefixOf(release)}${release.arch}-${nameOf(file.url)}.part`)
  // Only a digest can show that both parts belong together.
  if (expected === undefined) rmSync(path, { force: true })
  const algorithm = expected?.split(':')[0] ?? 'sha256'
  const verified = (digest: string, trustedFirst: boolean) => {
    onEvent?.({ kind: 'verified', source, digest, statedBy: file.statedBy })
    return { path, record: { url: file.url, source, digest, trustedFirst } }
  }
  if (existsSync(path) && (await hashFile(path, algorithm)) === expected) return verified(expected!, false)
  for (let continued = existsSync(path); ; continued = false) {
    const onProgress = (progress: DownloadProgress) => onEvent?.({ kind: 'downloading', source, progress })
    await download({
      source: address,
      official: file.url,
      target: path,
      size: file.size,
      signal,
      onProgress,
      ...(limits && { limits }),
    })
    const digest = await hashFile(path, algorithm)
    if (expected === undefined || digest === expected) return verified(digest, expected === undefined)
    rmSync(path)
    // The first part may be of another download that broke. Start again.
    if (continued) continue
    throw new DigestError(
      `${source} is not the file of ${release.name} ${release.version}: its digest is ${digest}, not ${expected}.`,
      mirrorHint(file.url),
    )
  }
}

async function hashFile(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash)
  return `${algorithm}:${hash.digest('hex')}`
}

/** @throws {WriteError} if the file does not fit on the disk */
function assertSpace(size: number | undefined): void {
  const { bavail, bsize } = statfsSync(downloadsFolder())
  const free = bavail * bsize
  if (size === undefined || size <= free) return
  const inMiB = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en-US')} MiB`
  throw new WriteError(
    `${downloadsFolder()} has ${inMiB(free)} left, but the file has ${inMiB(size)}.`,
    'free space, or set ISOBENCH_CACHE to a folder on another disk',
  )
}

/**
 * Makes the programs executable, whatever the archive says.
 * @throws {ArchiveError} if a program is missing, or is a link that leaves the folder
 */
function preparePrograms({ files, programs }: Release, folder: string): void {
  const root = realpathSync(folder)
  for (const path of Object.values(programs)) {
    const file = join(root, path)
    const isThere = existsSync(file) && statSync(file).isFile() && realpathSync(file).startsWith(`${root}/`)
    if (!isThere) throw lacks(files.map(({ url }) => nameOf(url)).join(' and '), path)
    chmodSync(file, 0o755)
  }
}

/** Removes an installed release and its unfinished downloads, and the folders of isobench that are empty then. */
export async function removeRelease({ name, version, folder }: InstalledRelease): Promise<void> {
  await inHome({ purpose: `removing ${name} ${version}`, wait: true }, async ({ journal }) => {
    await using _parent = await journal.create({ kind: 'empty-folder', path: dirname(folder) }, () => {})
    const aside = temporaryName(join(releasesFolder(), `${name}-${version}`))
    await using _aside = await journal.create({ kind: 'directory', path: aside }, () => renameSync(folder, aside))
    for (const file of partialDownloads({ name, version })) rmSync(file)
  })
}

/**
 * The files of downloads that broke off, by default of all releases.
 * @throws {HostError} if this user must not see them
 */
export function partialDownloads(choice?: ReleaseChoice): string[] {
  const folder = downloadsFolder()
  try {
    return (existsSync(folder) ? readdirSync(folder) : [])
      .filter((name) => name.endsWith('.part') && (choice === undefined || name.startsWith(prefixOf(choice))))
      .map((name) => join(folder, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    throw new HostError(`this user must not read ${folder}.`, 'run isobench as root, or set ISOBENCH_CACHE')
  }
}

/** Removes unfinished downloads, by default all, unless an installation is running. Returns their paths. */
export async function removePartialDownloads(choice?: ReleaseChoice): Promise<string[]> {
  if (partialDownloads(choice).length === 0) return []
  try {
    return await inHome({ purpose: 'removing unfinished downloads' }, async () => {
      const files = partialDownloads(choice)
      for (const file of files) rmSync(file)
      return files
    })
  } catch (error) {
    if (error instanceof LockedError) return []
    throw error
  }
}
