/** What the arguments of `isobench provision` mean, and which of them go together. */

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { findRelease, releases } from '../host/releases/manifest.ts'
import { hostArch, type Release } from '../host/releases/release.ts'
import { installedReleases } from '../host/releases/store.ts'
import { drivers } from '../platforms/index.ts'
import { closestMatch } from '../util/closest-match.ts'
import { UsageError } from '../util/errors.ts'
import { listText, sanitize } from '../util/text.ts'

const fixByList = 'list them: isobench provision --list'

/** The options that may not go together. */
interface Modes {
  readonly list: boolean
  readonly remove?: readonly string[] | undefined
  readonly dryRun: boolean
  readonly from?: string | undefined
  readonly trustFirstDownload: boolean
  readonly install?: boolean | undefined
  readonly config?: string | undefined
  readonly waitForLock: boolean
}

/** @throws {UsageError} if `--list` or `--remove` is beside something that it would ignore */
export function refuseConflicts(names: readonly string[], options: Modes): void {
  const mode = options.list ? '--list' : options.remove === undefined ? undefined : '--remove'
  if (mode === undefined) return
  const [other] = [
    options.list && options.remove !== undefined && '--remove',
    options.dryRun && '--dry-run',
    options.from !== undefined && '--from',
    options.trustFirstDownload && '--trust-first-download',
    options.install === true && '--install',
    options.config !== undefined && '--config',
    options.list && options.waitForLock && '--wait-for-lock',
    names.length > 0 && `"${sanitize(names[0]!, 60)}"`,
  ].filter((one) => one !== false)
  if (other === undefined) return
  const all = [...(options.remove ?? []), ...names].map((name) => `--remove ${sanitize(name, 60)}`)
  const fix =
    mode === '--remove' && names.length > 0
      ? `to remove several releases: isobench provision ${all.join(' ')}`
      : `omit ${mode} or ${other}`
  throw new UsageError(`isobench provision: ${mode} and ${other} do not go together.`, fix)
}

/**
 * Splits `name@version`.
 * @throws {UsageError} if the version is empty
 */
export function split(text: string): readonly [name: string, version: string | undefined] {
  const [name = '', ...rest] = text.split('@')
  const version = rest.length === 0 ? undefined : rest.join('@').replace(/^v(?=\d)/, '')
  if (version === '')
    throw new UsageError(
      `isobench provision: "${sanitize(text, 60)}" has no version after the "@".`,
      `write ${sanitize(name, 60)} for the newest version, or list the versions: isobench provision --list`,
    )
  return [name, version]
}

/** The error of a name that no release has. It may be a version, a program of a release, or a platform. */
function unknownName(name: string, known: readonly string[], mode: 'install' | 'remove'): UsageError {
  const what = `isobench provision: there is no release "${sanitize(name, 60)}".`
  if (/^v?\d/.test(name)) return new UsageError(what, 'write a version after the name: firecracker@1.17.0')
  const owner = releases.find(({ programs }) => Object.hasOwn(programs, name))
  if (owner) {
    const fix = `isobench provision ${mode === 'remove' ? '--remove ' : ''}${owner.name}`
    return new UsageError(`${what} The release ${owner.name} contains it.`, fix)
  }
  if (Object.hasOwn(drivers, name)) {
    const fix = mode === 'remove' ? 'remove them with apt-get' : `isobench doctor ${name} --install`
    return new UsageError(`${what} The programs of this platform come from packages.`, fix)
  }
  const near = closestMatch(name, [...new Set(known)])
  return new UsageError(near === undefined ? what : `${what} Did you mean ${near}?`, fixByList)
}

/** @throws {UsageError} if no release has the name, neither an installed one nor one that can be installed */
export function assertRemovable(text: string): void {
  const [name] = split(text)
  const known = [...releases, ...installedReleases()].map((one) => one.name)
  if (!known.includes(name)) throw unknownName(name, known, 'remove')
}

/**
 * Returns the release of `name` or `name@version` for this host.
 * @throws {UsageError} that names what there is
 */
export function releaseOf(text: string): Release {
  const [name, version] = split(text)
  const release = findRelease(name, version)
  if (release) return release
  const ofName = releases.filter((one) => one.name === name)
  if (ofName.length === 0)
    throw unknownName(
      name,
      releases.map((one) => one.name),
      'install',
    )
  const here = ofName.filter(({ arch }) => arch === hostArch())
  if (here.length === 0) {
    const archs = [...new Set(ofName.map(({ arch }) => arch))].join(' and ')
    throw new UsageError(
      `isobench provision: there is no release of ${name} for ${hostArch()}, only for ${archs}.`,
      `build ${name} yourself: docs/reference/platforms.md`,
    )
  }
  throw new UsageError(
    `isobench provision: isobench knows no release ${name} ${sanitize(version ?? '', 60)}, only ` +
      `${listText(here.map((one) => one.version))}.`,
    `install one of these, or set the option binary of the platform`,
  )
}

/**
 * Returns the mirror as an absolute path or an address.
 * @throws {UsageError} if it is neither a folder nor an http address
 */
export function mirrorOf(from: string | undefined, { cwd }: { readonly cwd: string }): string | undefined {
  if (from === undefined) return undefined
  const refuse = (why: string, fix: string) => new UsageError(`isobench provision: --from ${why}.`, fix)
  if (/^https?:/i.test(from)) {
    if (/^https?:\/\/[^/][^?#]*[?#]/i.test(from))
      throw refuse('has a query or a fragment, which isobench cannot put after the name of a file', 'write it without')
    // With the scheme in lower case, because redirects and proxies depend on it.
    if (/^https?:\/\/[^/]/i.test(from) && URL.canParse(from)) return new URL(from).href
    throw refuse('is not a valid address', 'write it with its host: --from https://mirror.example.org/releases')
  }
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(from)?.[1]
  if (scheme !== undefined)
    throw refuse(
      `${scheme}:// is neither a folder nor an http address`,
      scheme === 'file' ? 'write the folder without file://: --from /mnt/mirror' : 'use https',
    )
  const folder = resolve(cwd, from)
  if (kindOf(folder) === 'folder') return folder
  throw kindOf(folder) === 'file'
    ? refuse(`${folder} is not a folder`, 'name the folder that contains the files of the release')
    : refuse(
        `${folder} does not exist`,
        /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(from)
          ? `if it is an address, write https://${sanitize(from, 100)}`
          : 'name the folder that contains the files of the release',
      )
}

function kindOf(path: string): 'folder' | 'file' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file'
  } catch {
    return undefined
  }
}
