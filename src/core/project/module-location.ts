import { readFile } from 'node:fs/promises'
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Loader, Plugin } from 'esbuild'
import { type OwnResolvers, resolveComputedImports } from './computed-imports.ts'

/** What a module says about its own place, by the module's path. In a bundle, it would be the place of the bundle. */
const places: Readonly<Record<string, (path: string) => string>> = {
  'import.meta.url': (path) => pathToFileURL(path).href,
  'import.meta.filename': (path) => path,
  'import.meta.dirname': dirname,
  __filename: (path) => path,
  __dirname: dirname,
}

/** How a module imports what esbuild leaves to Node. See `computed-imports.ts`. */
const ownResolvers: OwnResolvers = {
  importPath: '__isobench_import_path',
  load: '__isobench_load',
  require: '__isobench_require',
}

const constantOf = (expression: string): string => `__isobench_${expression.replaceAll(/\W/g, '_')}`

/**
 * How a module finds others at run time; Node would start from the place of the bundle. The banner of a bundle has
 * `__isobenchRequire`, which is `createRequire`, and `__isobenchMeta`, which is Node's own `import.meta`.
 */
const resolvers: Readonly<Record<string, string>> = {
  'import.meta.resolve':
    `(specifier) => (/^[.]{0,2}[/]/.test(specifier) ? new URL(specifier, ${constantOf('import.meta.url')}).href : ` +
    '__isobenchMeta.resolve(specifier))',
  'require.resolve': `(...request) => __isobenchRequire(${constantOf('__filename')}).resolve(...request)`,
}

/** `import.meta` as a whole, as in `const { dirname } = import.meta`. */
const meta = 'import.meta'
const metaObject = `{ __proto__: null, ${['dirname', 'filename', 'resolve', 'url']
  .map((key) => `${key}: ${constantOf(`${meta}.${key}`)}`)
  .join(', ')} }`
const wholeMeta = /\bimport\s*\.\s*meta\b(?!\s*\.\s*(?:dirname|filename|resolve|url)\b)/

const resolversOfComputed: Readonly<Record<string, string>> = {
  [ownResolvers.importPath]:
    "(specifier) => (typeof specifier === 'string' && /^[.]{0,2}[/]/.test(specifier) ? " +
    `new URL(specifier, ${constantOf('import.meta.url')}).href : specifier)`,
  // An error of Node about an import has no frame of the module that imports.
  [ownResolvers.load]:
    'async function load(start) { const at = {}; Error.captureStackTrace(at, load); ' +
    'try { return await start() } catch (error) { ' +
    "const frames = String(at.stack).split('\\n').filter((line) => /^ *at /.test(line)); " +
    "try { error.stack = [error.stack, ...frames].join('\\n') } catch {} throw error } }",
  [ownResolvers.require]: `(...request) => __isobenchRequire(${constantOf('__filename')})(...request)`,
}

/** For esbuild's `define`: each expression becomes a constant that the plugin writes into the module. */
export const locationConstants: Readonly<Record<string, string>> = Object.fromEntries(
  [...Object.keys(places), ...Object.keys(resolvers), meta].map((expression) => [expression, constantOf(expression)]),
)

// A text with escapes stays as it is.
const assignment = new RegExp(`\\b((?:${Object.keys(places).map(constantOf).join('|')})\\d*)="([^"\\\\]*)"`, 'g')

/** Minified code with the places of its modules relative to the project, and every other text as it is. */
export const withoutProjectPath = (code: string, root: string): string =>
  code.replace(assignment, (_, name: string, place: string) => {
    const path = place.startsWith('file:') ? fileURLToPath(place) : place
    return `${name}="${relative(root, path)}"`
  })

/** How esbuild reads a module, by its ending. */
export const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
}

const declarations = (path: string, text: string): string => {
  const hasWhole = wholeMeta.test(text)
  const isUsed = ([expression]: readonly [string, string]): boolean =>
    text.includes(expression) || (hasWhole && expression.startsWith(meta))
  return [
    ...Object.entries(places).map(([expression, placeOf]) => [expression, JSON.stringify(placeOf(path))] as const),
    ...Object.entries(resolvers).filter(isUsed),
    ...(hasWhole ? [[meta, metaObject] as const] : []),
  ]
    .map(([expression, value]) => [constantOf(expression), value] as const)
    .concat(Object.entries(resolversOfComputed).filter(([name]) => text.includes(name)))
    .map(([name, value]) => `const ${name} = ${value};`)
    .join(' ')
}

/**
 * Gives each module of a bundle its own place, so that a bench file finds the files beside it. Lines keep their
 * numbers; esbuild drops the constants that a module does not use.
 */
export const moduleLocation: Plugin = {
  name: 'module-location',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path, with: attributes }) => {
      // An import with a type, such as `with { type: 'text' }`, is of the content of the file.
      if (attributes.type !== undefined) return undefined
      const loader = loaders[extname(path)]!
      const source = await readFile(path, 'utf8')
      const { text, isChanged } = await resolveComputedImports(source, path, loader, ownResolvers)
      if (!isChanged && !/import\.meta|__filename|__dirname|require\.resolve/.test(text)) return undefined
      // A line such as `#!/usr/bin/env node` must stay the first.
      const [, hashbang = '', code = ''] = /^(#!.*\n)?([\s\S]*)$/.exec(text)!
      return { contents: `${hashbang}${declarations(path, text)} ${code}`, loader: isChanged ? 'js' : loader }
    })
  },
}

/** Bundles what a `file:` URL names. Node imports it, too, but `require` does not. */
export const fileUrls: Plugin = {
  name: 'file-urls',
  setup(build) {
    build.onResolve({ filter: /^file:/ }, async ({ path, kind, importer, resolveDir, with: attributes }) => {
      if (kind === 'require-call' || !URL.canParse(path)) return undefined
      const { search, host } = new URL(path)
      if (host !== '') return undefined
      const file = `${fileURLToPath(path)}${search}`
      const found = await build.resolve(file, { kind, importer, resolveDir, with: attributes })
      return found.errors.length > 0 ? undefined : found
    })
  },
}

/** Leaves native addons (`.node` files) to Node, which loads them with `require` from where they are. */
export const nativeAddons: Plugin = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: /\.node$/ }, ({ path, resolveDir }) => {
      if (!/^\.{0,2}\//.test(path)) return undefined
      return { path: isAbsolute(path) ? path : resolve(resolveDir, path), external: true }
    })
  },
}
