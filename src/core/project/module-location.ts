import { readFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Loader, Plugin } from 'esbuild'

/** What a module says about its own place, by the module's path. In a bundle, it would be the place of the bundle. */
const places: Readonly<Record<string, (path: string) => string>> = {
  'import.meta.url': (path) => pathToFileURL(path).href,
  'import.meta.filename': (path) => path,
  'import.meta.dirname': dirname,
  __filename: (path) => path,
  __dirname: dirname,
}

const constantOf = (expression: string): string => `__isobench_${expression.replaceAll(/\W/g, '_')}`

/** For esbuild's `define`: each expression becomes a constant that the plugin writes into the module. */
export const locationConstants: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(places).map((expression) => [expression, constantOf(expression)]),
)

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
}

const declarations = (path: string): string =>
  Object.entries(places)
    .map(([expression, placeOf]) => `const ${constantOf(expression)} = ${JSON.stringify(placeOf(path))};`)
    .join(' ')

/**
 * Gives each module of a bundle its own place, so that a bench file finds the files beside it. Lines keep their
 * numbers; esbuild drops the constants that a module does not use.
 */
export const moduleLocation: Plugin = {
  name: 'module-location',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      if (!/import\.meta|__filename|__dirname/.test(text)) return undefined
      // A line such as `#!/usr/bin/env node` must stay the first.
      const [, hashbang = '', code = ''] = /^(#!.*\n)?([\s\S]*)$/.exec(text)!
      return { contents: `${hashbang}${declarations(path)} ${code}`, loader: loaders[extname(path)]! }
    })
  },
}
