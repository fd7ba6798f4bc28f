/** Paths of files that the package contains. */

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The directory of the nearest package.json above this file. Works both in `src` and after bundling. A config can
 * bundle this file into a project without any package.json, so the search ends at the root directory.
 */
function packageRoot(): URL {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder)) && folder.pathname !== '/') folder = new URL('..', folder)
  return folder
}

const root = packageRoot()

/** Path of a built bundle that another process, a worker or a bundler loads. */
export const bundlePath = (name: 'index' | 'tools' | 'driver' | 'reporter' | 'collector' | 'in-guest'): string =>
  fileURLToPath(new URL(`dist/${name}.js`, root))

/**
 * Path of a program that runs elsewhere: a bundle for the guest's Node.js, a Perl script, or C source for the image.
 */
export const programPath = (name: string): string => fileURLToPath(new URL(`dist/programs/${name}`, root))

/** The version of isobench. */
export const version = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version

/**
 * Identifies this build: the version, and a digest of what bench files import. It covers all of that, because esbuild
 * names chunks by their digests. The version alone before isobench is built.
 */
export function buildId(): string {
  const imported = (['index', 'tools'] as const).map(bundlePath).filter((path) => existsSync(path))
  const digest = createHash('sha256')
  for (const path of imported) digest.update(readFileSync(path))
  return imported.length === 0 ? version() : `${version()}+${digest.digest('hex').slice(0, 10)}`
}

/** The folder of isobench itself: in `node_modules`, or a clone. Ends without a slash. */
export const packageFolder = (): string => dirname(fileURLToPath(new URL('package.json', root)))
