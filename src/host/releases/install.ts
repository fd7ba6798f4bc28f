/** Installs releases: fetches, verifies, unpacks beside the target, and renames. Removes them too. */

import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HostError } from '../../util/errors.ts'
import { temporaryName, WriteError, writeFileAtomic } from '../../util/files.ts'
import { maskCredentials } from '../../util/text.ts'
import { assertWritable, makeFolderWithMode, makeSystemFolder } from '../guest-folder.ts'
import { folderLock, LockedError, type LockHolder, type LockOptions } from '../lock.ts'
import { cacheFolder, releasesFolder } from '../paths.ts'
import { runHostCommand } from '../process.ts'
import { type DownloadLimits, type DownloadProgress, download } from './download.ts'
import { ArchiveError, DigestError, mirrorHint } from './errors.ts'
import { inHome, type OpenHome } from './home.ts'
import type { PinnedDigests, Release, ReleaseFile } from './release.ts'
import {
  folderOf,
  type InstalledRelease,
  installedRelease,
  missingPrograms,
  type ReleaseRecord,
  recordName,
} from './store.ts'
import { lacks, unpack } from './unpack.ts'

/** What happens during an installation. */
export type InstallEvent =
  | { readonly kind: 'waiting'; readonly holder: LockHolder }
  | { readonly kind: 'downloading'; readonly source: string; readonly progress: DownloadProgress }
  | {
      readonly kind: 'verified'
      readonly source: string
      readonly digest: string
      /** How many public files state the digest; or the config states it; or nothing did. */
      readonly statedBy: number | 'config' | 'nothing'
    }
  | { readonly kind: 'unpacking'; readonly source: string }

export interface InstallOptions {
  /** A folder (absolute) or an address that has the files by their names. Default: where the project publishes them. */
  readonly from?: string | undefined
  /** Installs files without a known digest. */
  readonly trustFirst?: boolean
  /** Digests of the config. A file must also have the one that isobench knows. */
  readonly digests?: PinnedDigests | undefined
  /** Whether to wait for an installation of another process. Default: true. */
  readonly wait?: boolean
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

/**
 * The digests that a file must have, each as `sha512:` or `sha256:` and hexadecimal digits: the known one first, then
 * that of the config. None: nothing is known.
 */
export function digestsOf({ url, sha256, sha512 }: ReleaseFile, pinned: PinnedDigests = {}): readonly string[] {
  const known = sha512 !== undefined ? `sha512:${sha512}` : sha256 !== undefined ? `sha256:${sha256}` : undefined
  const all = [known, Object.hasOwn(pinned, url) ? pinned[url] : undefined].filter((one) => one !== undefined)
  return [...new Set(all)]
}

/** A release, or all versions of it. */
interface ReleaseChoice {
  readonly name: string
  readonly version?: string | undefined
}

/** The prefix of a release's unfinished downloads. A version may begin with another one and a dash: 9.0, 9.0-rc1. */
const prefixOf = ({ name, version }: ReleaseChoice) => `${name}@${version === undefined ? '' : `${version}@`}`

/**
 * Installs a release unless it is installed. Verifies the digests of all files before it unpacks one, and unpacks into
 * a temporary folder, so a release is installed completely or not at all.
 * @throws {DownloadError} if a file cannot be fetched
 * @throws {DigestError} if a file has another digest, also one of the config for a release that is installed
 * @throws {ArchiveError} if an archive is broken, lacks a program or would write outside its folder
 * @throws {HostError} if no digest is known, if the folder of the release is something else, or if an installed release
 *   lacks a program
 * @throws {LockedError} if another process has the folder of all releases locked and `wait` is false
 */
export async function installRelease(release: Release, options: InstallOptions): Promise<InstalledRelease> {
  const { name, version } = release
  const { onEvent, signal } = options
  const waiting: LockOptions = {
    purpose: `installing ${name} ${version}`,
    wait: options.wait ?? true,
    onWait: (holder) => onEvent?.({ kind: 'waiting', holder }),
    ...(signal && { signal }),
  }
  return await inHome(waiting, (home) => installIn(home, release, options))
}

async function installIn(home: OpenHome, release: Release, options: InstallOptions): Promise<InstalledRelease> {
  const { name, version, files } = release
  const target = folderOf(name, version)
  assertFolder(dirname(target))
  const existing = installedRelease(name, version)
  if (existing) return assertIntact(existing, options)
  if (existsSync(target))
    throw new HostError(
      `${target} exists, but isobench did not install it.`,
      `move it away: mv ${target} ${target}.old`,
    )
  assertDigests(release, options)
  assertExecutable(releasesFolder())
  assertWritable(cacheFolder(), 'ISOBENCH_CACHE')
  const fetched: FetchedFile[] = []
  try {
    for (const file of files) fetched.push({ file, ...(await fetchFile(release, file, options)) })
    return await unpackAll(home, release, fetched, options)
  } catch (error) {
    // Without a digest, nothing shows later that a file is complete. A broken archive breaks again.
    for (const { file, path } of fetched)
      if (error instanceof ArchiveError || digestsOf(file, options.digests).length === 0) rmSync(path, { force: true })
    throw error
  }
}

const reinstall = ({ name, version }: InstalledRelease) =>
  `isobench provision --remove ${name}@${version}, then isobench provision ${name}@${version}`

/**
 * Compares an installed release with the digests of the config. Returns it with the files that have them as verified.
 * @throws {DigestError} if a file that it was installed from had another digest
 */
export function verifyInstalled(installed: InstalledRelease, digests: PinnedDigests = {}): InstalledRelease {
  const { name, version, folder } = installed
  const files = installed.files.map((file) => {
    const pinned = Object.hasOwn(digests, file.url) ? digests[file.url] : undefined
    if (pinned === undefined) return file
    if (pinned === file.digest) return { ...file, trustedFirst: false }
    // The record has one digest of a file. One of another algorithm shows nothing about a file that was verified.
    if (!file.trustedFirst && pinned.split(':')[0] !== file.digest.split(':')[0]) return file
    throw new DigestError(
      `${name} ${version} in ${folder} was installed from a file with the digest ${file.digest}, not ${pinned}, ` +
        'the one in releaseDigests of the config.',
      reinstall(installed),
    )
  })
  return { ...installed, files }
}

/**
 * Checks an installed release.
 * @throws {DigestError} as `verifyInstalled`
 * @throws {HostError} if a program is missing
 */
function assertIntact(installed: InstalledRelease, { digests }: InstallOptions): InstalledRelease {
  const { name, version, folder } = installed
  const [absent] = missingPrograms(installed)
  if (absent !== undefined)
    throw new HostError(`${name} ${version} in ${folder} lacks its program ${absent}.`, reinstall(installed))
  return verifyInstalled(installed, digests)
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
  // A bundle may contain a folder of that name.
  rmSync(join(temporary, recordName), { recursive: true, force: true })
  writeFileAtomic(join(temporary, recordName), `${JSON.stringify(record, null, 2)}\n`)
  chmodSync(join(temporary, recordName), 0o644)
  chmodSync(temporary, 0o755)
  // A complete release must survive a crash of the host, so wait for the disk once.
  await runHostCommand(['sync', '--file-system', temporary], { timeout: 600 })
  makeSystemFolder(dirname(target))
  renameSync(temporary, target)
  return { name, version, folder: target, ...record }
}

/**
 * Releases below a link are not found, and the link may lead to a folder of the host.
 * @throws {HostError} if something else than a folder has its path
 */
function assertFolder(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isDirectory()) return
  const what = stat.isSymbolicLink() ? 'a link' : 'not a folder'
  throw new HostError(
    `${path} is ${what}, but isobench needs a folder there.`,
    `move it away: mv ${path} ${path}.old; to use another disk, set ISOBENCH_HOME`,
  )
}

function assertDigests({ name, version, files }: Release, { trustFirst, digests }: InstallOptions): void {
  const unknown = files.find((file) => digestsOf(file, digests).length === 0)
  if (unknown === undefined || trustFirst) return
  throw new HostError(
    `no digest of ${unknown.url} is known, so isobench cannot verify the file.`,
    `trust the first download, and compare the digest that it prints: isobench provision ${name}@${version} ` +
      '--trust-first-download; or set the digest in isobench.config.ts: ' +
      `releaseDigests: { '${unknown.url}': 'sha256:...' }`,
  )
}

/**
 * Tries it with the file of the lock, which is there anyway.
 * @throws {HostError} if programs in the folder cannot be executed, as below a mount with `noexec`
 */
function assertExecutable(folder: string): void {
  try {
    chmodSync(folderLock(folder), 0o700)
    accessSync(folderLock(folder), constants.X_OK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    throw new HostError(
      `programs in ${folder} cannot be executed: its file system is mounted with noexec.`,
      'set ISOBENCH_HOME to a folder of another file system',
    )
  }
}

/** Fetches and verifies a file. A file with the wrong digest is removed. */
async function fetchFile(
  release: Release,
  file: ReleaseFile,
  { from, onEvent, signal, limits, digests }: InstallOptions,
): Promise<{ readonly path: string; readonly record: ReleaseRecord['files'][number] }> {
  const address = sourceOf(file, from)
  const source = maskCredentials(address)
  const required = digestsOf(file, digests)
  makeFolderWithMode(downloadsFolder(), 0o700)
  const path = join(downloadsFolder(), `${prefixOf(release)}${release.arch}-${nameOf(file.url)}.part`)
  // Only a digest can show that both parts belong together.
  const isResumable = required.length > 0
  if (!isResumable) rmSync(path, { force: true })
  const verified = (digest: string) => {
    const statedBy = file.statedBy > 0 ? file.statedBy : required.length > 0 ? 'config' : 'nothing'
    onEvent?.({ kind: 'verified', source, digest, statedBy })
    return { path, record: { url: file.url, source, digest, trustedFirst: statedBy === 'nothing' } }
  }
  if (existsSync(path) && (await wrongDigest(path, required)) === undefined) return verified(required[0]!)
  for (let continued = existsSync(path); ; continued = false) {
    const onProgress = (progress: DownloadProgress) => onEvent?.({ kind: 'downloading', source, progress })
    const asked = {
      source: address,
      official: file.url,
      target: path,
      size: file.size,
      isResumable,
      signal,
      onProgress,
    }
    try {
      await download({ ...asked, ...(limits && { limits }) })
    } catch (error) {
      // What has arrived would keep the disk full.
      if (error instanceof WriteError) rmSync(path, { force: true })
      throw error
    }
    const wrong = await wrongDigest(path, required)
    if (wrong === undefined) return verified(required[0] ?? (await hashFile(path, 'sha256')))
    rmSync(path)
    // The first part may be of another download that broke. Start again.
    if (continued) continue
    const origin = wrong.required === digestsOf(file)[0] ? '' : ', the one in releaseDigests of the config'
    throw new DigestError(
      `${source} is not the file of ${release.name} ${release.version}: its digest is ${wrong.found}, ` +
        `not ${wrong.required}${origin}.`,
      mirrorHint(file.url),
    )
  }
}

/** Returns the first required digest that a file does not have, and the one that it has. Undefined if it has all. */
async function wrongDigest(
  path: string,
  required: readonly string[],
): Promise<{ readonly required: string; readonly found: string } | undefined> {
  for (const one of required) {
    const found = await hashFile(path, one.split(':')[0]!)
    if (found !== one) return { required: one, found }
  }
  return undefined
}

async function hashFile(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  await pipeline(createReadStream(path), hash)
  return `${algorithm}:${hash.digest('hex')}`
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

/**
 * Removes an installed release and its unfinished downloads, and the folders of isobench that are empty then.
 * @param lock by default, waits for an installation of another process
 */
export async function removeRelease(
  { name, version, folder }: InstalledRelease,
  lock: Pick<LockOptions, 'wait' | 'onWait' | 'signal'> = { wait: true },
): Promise<void> {
  await inHome({ ...lock, purpose: `removing ${name} ${version}` }, async ({ journal }) => {
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
