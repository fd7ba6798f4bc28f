/** What a release is, and the order of versions. */

/** The architectures of releases, as `uname -m` names them. */
export type ReleaseArch = 'x86_64' | 'aarch64'

/** How a file is packed: a compressed tar, one compressed file (`gz`), or the file itself (`none`). */
export type ArchiveKind = 'tar.gz' | 'tar.bz2' | 'tar.xz' | 'tar.zst' | 'gz' | 'none'

/** A file of an archive, and its path after the installation. */
export interface Member {
  readonly path: string
  readonly as: string
}

/** Digests that a user requires of files, by address: `sha256:` or `sha512:` and hexadecimal digits. */
export type PinnedDigests = Readonly<Record<string, string>>

/** A file to download. */
export interface ReleaseFile {
  readonly url: string
  /** Hexadecimal. A file without any digest needs one of the config, or `--trust-first-download`. */
  readonly sha256?: string
  readonly sha512?: string
  /**
   * How many public files stated the digest when it was looked up in November 2026. The search listed at most 10.
   * isobench has not downloaded the file itself.
   */
  readonly statedBy: number
  /** Bytes, if a public file states them. */
  readonly size?: number
  readonly archive: ArchiveKind
  /**
   * The members to install; for `gz` and `none` exactly one. `bundle`: everything below the folder `root`, because the
   * programs find their other files relative to themselves.
   */
  readonly members: readonly Member[] | { readonly bundle: string }
}

/** An official release of a project. */
export interface Release {
  readonly name: string
  /** Without a leading `v`. */
  readonly version: string
  readonly arch: ReleaseArch
  /** `YYYY-MM-DD`, if a public file states it. */
  readonly released?: string
  /** SPDX expression. */
  readonly license: string
  readonly files: readonly ReleaseFile[]
  /**
   * Path of each program or file that drivers look for, by name, after the installation. An archive without one of them
   * is not installed.
   */
  readonly programs: Readonly<Record<string, string>>
  /** Whether its guests need KVM. `--install` leaves it out on a host without usable KVM. */
  readonly needsKvm?: true
  /** The kinds of platforms that use it. */
  readonly platforms: readonly string[]
  /** What a user must know, in one sentence. */
  readonly notes?: string
}

/** Compares versions by their numbers: `1.9.0` before `1.10.0`, `20260921` before `20261005.0`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/[.-]/))
  for (let index = 0; index < Math.max(left!.length, right!.length); index++) {
    const [x = '', y = ''] = [left![index], right![index]]
    const order = /^\d+$/.test(x) && /^\d+$/.test(y) ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0
    if (order !== 0) return order
  }
  return 0
}

/** Names of `uname -m` and of ELF headers for the architectures that Node.js names in another way. */
const archNames: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ia32: 'i386',
  loong64: 'loongarch64',
  mipsel: 'mips',
}

/** The architecture of this host, as `uname -m` prints it for the ones that releases have. */
export const hostArch = (): string => archNames[process.arch] ?? process.arch
