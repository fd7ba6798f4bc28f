import { readFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Loader, Plugin } from 'esbuild'

/** What a module says about its own place: in a bundle, it would be the place of the bundle. */
const expressions = ['import.meta.url', 'import.meta.filename', 'import.meta.dirname', '__filename', '__dirname']

const constantOf = (expression: string): string => `__isobench_${expression.replaceAll(/\W/g, '_')}`

/** For esbuild's `define`: each expression becomes a constant that the plugin writes into the module. */
export const locationConstants: Readonly<Record<string, string>> = Object.fromEntries(
  expressions.map((expression) => [expression, constantOf(expression)]),
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

function declarations(path: string): string {
  const values = [pathToFileURL(path).href, path, dirname(path), path, dirname(path)]
  return expressions.map((name, at) => `const ${constantOf(name)} = ${JSON.stringify(values[at])};`).join(' ')
}

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
