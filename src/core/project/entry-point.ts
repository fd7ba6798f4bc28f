import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

/** Whether esbuild would take the path of a file for a pattern. It knows no other special characters. */
export const isStarred = (path: string): boolean => path.includes('*')

/** An entry point for esbuild, and the options that it needs. */
interface EntryPoint extends Pick<BuildOptions, 'tsconfig'> {
  readonly path: string
  readonly plugins: Plugin[]
}

/** No package has this name. */
const starredName = 'isobench:starred-file'

/**
 * One file as the entry point of a build. A plugin resolves a file with a `*` in its path, and esbuild applies no
 * tsconfig.json to a file from a plugin. So the nearest one is given for the whole build.
 * @param file relative to the folder of the build. The path of the folder may have a `*`.
 */
export function entryPoint(folder: string, file: string): EntryPoint {
  if (!isStarred(file)) return { path: `./${file}`, plugins: [] }
  const path = join(folder, file)
  const tsconfig = nearest('tsconfig.json', dirname(path))
  const plugin: Plugin = {
    name: 'starred-file',
    setup: ({ onResolve }) => onResolve({ filter: new RegExp(`^${starredName}$`) }, () => ({ path })),
  }
  return { path: starredName, plugins: [plugin], ...(tsconfig !== undefined && { tsconfig }) }
}

/** The file of that name in a folder, or in the nearest folder above it that has one. */
function nearest(name: string, folder: string): string | undefined {
  const path = join(folder, name)
  if (existsSync(path)) return path
  const parent = dirname(folder)
  return parent === folder ? undefined : nearest(name, parent)
}
