import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The package's folder: the nearest one above this file with a package.json, before and after bundling. */
function packageRoot(): URL {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder)
  return folder
}

const root = packageRoot()

/** The built files that other processes, workers and bundles start from. */
export const bundlePath = (name: 'index' | 'tools' | 'collector' | 'in-guest'): string =>
  fileURLToPath(new URL(`dist/${name}.js`, root))

/** A program for guests or the client: a bundle for their node, or the source of what is compiled into the image. */
export const programPath = (name: string): string => fileURLToPath(new URL(`dist/programs/${name}`, root))

/** isobench's own version. */
export const version = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version
