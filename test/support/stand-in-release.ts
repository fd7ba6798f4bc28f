/** Releases with the layout of the official ones, made of programs that this host has. */

import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { findRelease } from '../../src/host/releases/manifest.ts'
import type { Release, ReleaseFile } from '../../src/host/releases/release.ts'
import { archiveOf } from './archives.ts'

/** A release, and its files as a mirror has them, by name. */
export interface StandInRelease {
  readonly release: Release
  readonly files: ReadonlyMap<string, Buffer>
}

/**
 * Packs programs as the project of a release packs them. Programs that are not given only exit with 0.
 * @param programs content by the name that drivers look for
 * @param version by default that of the newest known release
 * @throws {Error} if isobench knows no release of the name
 */
export async function standInRelease(
  name: string,
  programs: Readonly<Record<string, Buffer>>,
  version?: string,
): Promise<StandInRelease> {
  const model = findRelease(name)
  if (!model) throw new Error(`isobench knows no release ${name} for this host`)
  const { released, ...rest } = version === undefined ? model : { ...model, released: undefined }
  const rename = (text: string) => text.replaceAll(model.version, version ?? model.version)
  const packed = await Promise.all(model.files.map((file) => pack(model, file, programs)))
  return {
    release: {
      ...rest,
      ...(released !== undefined && { released }),
      version: version ?? model.version,
      files: model.files.map(({ url, archive, members }, at) => ({
        url: rename(url),
        sha256: createHash('sha256').update(packed[at]!).digest('hex'),
        statedBy: 1,
        archive,
        members,
      })),
    },
    files: new Map(model.files.map(({ url }, at) => [basename(rename(url)), packed[at]!])),
  }
}

/** A file of a release with its programs at their paths. */
async function pack(
  { programs: paths }: Release,
  { archive, members }: ReleaseFile,
  programs: Readonly<Record<string, Buffer>>,
): Promise<Buffer> {
  const content = (installed: string) => {
    const [program] = Object.entries(paths).find(([, path]) => path === installed) ?? []
    return programs[program ?? ''] ?? Buffer.from('#!/bin/sh\n')
  }
  const entries =
    'bundle' in members
      ? Object.values(paths).map((path) => ({ name: `${members.bundle}/${path}`, mode: 0o755, content: content(path) }))
      : members.map(({ path, as }) => ({ name: path, mode: 0o755, content: content(as) }))
  return archive === 'none' ? Buffer.from(entries[0]!.content) : archiveOf(archive, entries)
}
