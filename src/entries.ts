import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Both src/ and dist/ are one level below the package, so this holds before and after bundling.
const root = new URL('..', import.meta.url)

/** The built files that other processes, workers and bundles start from. */
export const entry = (name: 'index' | 'tools' | 'collector' | 'in-guest'): string =>
  fileURLToPath(new URL(`dist/${name}.js`, root))

/** A program for guests or the client: a bundle for their node, or the source of what is compiled into the image. */
export const program = (name: string): string => fileURLToPath(new URL(`dist/programs/${name}`, root))

/** isobench's own version. */
export const version = (): string =>
  (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version
