import { existsSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import type { ArtifactBuildOptions } from '../guest/build-options.ts'
import { missing } from '../guest/requirements.ts'
import type { Artifact } from '../platforms/driver.ts'
import { isSkipped, type ResolvedPlatform } from './probe.ts'

/** What the platforms that could run here are made of, each thing once. */
export function requiredArtifacts(platforms: readonly ResolvedPlatform[], rootfs: string | undefined): Artifact[] {
  const parts = platforms.flatMap(({ driver, options }) =>
    missing(driver.requirements(options)).length > 0 ? [] : (driver.artifacts?.(options, rootfs) ?? []),
  )
  return [...new Map(parts.map((part) => [part.path, part])).values()]
}

/**
 * Makes what is not there yet. What cannot be made is told and does not end the run: the platforms that need it then cannot
 * run, and their probe says so.
 */
export async function ensureArtifacts(
  platforms: readonly ResolvedPlatform[],
  rootfs: string | undefined,
  options: ArtifactBuildOptions,
  skip: readonly string[] = [],
): Promise<void> {
  const wanted: ResolvedPlatform[] = []
  for (const platform of platforms) if (!(await isSkipped(platform, skip))) wanted.push(platform)
  for (const { name, path, ensure } of requiredArtifacts(wanted, rootfs)) {
    if (existsSync(path)) continue
    options.onLine?.(`making the ${name}`)
    try {
      await ensure(options)
    } catch (error) {
      options.signal?.throwIfAborted()
      options.onLine?.(`the ${name} could not be made: ${messageOf(error)}`)
    }
  }
}
