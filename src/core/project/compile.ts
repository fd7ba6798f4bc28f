import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import {
  type BuildFailure,
  type BuildOptions,
  build,
  type Message,
  type Metafile,
  type OutputFile,
  transform,
} from 'esbuild'
import { suggestion } from '../../dsl/checked.ts'
import type { Location } from '../../dsl/errors.ts'
import { bundlePath } from '../../util/assets.ts'
import { IsobenchError, messageOf } from '../../util/errors.ts'
import { makeFolder, WriteError, writeFileAtomic } from '../../util/files.ts'
import { utf16Fix } from '../../util/text.ts'
import { withUsersUmask } from '../../util/umask.ts'
import type { Problem } from '../model/suite.ts'
import { type ModuleSearch, searchRequiredModules } from './created-requires.ts'
import { entryPoint, isStarred } from './entry-point.ts'
import { isProjectFile } from './error-location.ts'
import { exportsOf, importFix } from './import-fixes.ts'
import { fileUrls, locationConstants, moduleLocation, nativeAddons, withoutProjectPath } from './module-location.ts'

/** A TypeScript file and everything it imports, bundled into one module that Node can load. */
export interface Compiled {
  /** Relative to the project. */
  readonly file: string
  readonly output: string
  /** A hash of the code. Comments outside of texts and the project's path do not affect it. */
  readonly digest: string
  /** The absolute path of every file in the bundle, and of every module that `createRequire` loads by a plain text. */
  readonly inputs: readonly string[]
  /** The type of those that are imported as data, such as `with { type: 'text' }`. Comments are a part of data. */
  readonly types: ReadonlyMap<string, string>
  /** What the bundler warns of, in any file that was compiled together. */
  readonly warnings: readonly Problem[]
}

/** The compiled file, or what is wrong with it. */
export type CompileResult =
  | { readonly ok: true; readonly compiled: Compiled }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  write: false,
  logLevel: 'silent',
  define: locationConstants,
  plugins: [moduleLocation, fileUrls, nativeAddons],
  // Otherwise `import './register.ts'` is dropped if a package.json says "sideEffects": false. Node ignores that field.
  ignoreAnnotations: true,
  // Otherwise esbuild also takes what a package exports for the condition "module", which Node.js does not have.
  conditions: [],
  // A project may use a global isobench, without one in its own node_modules.
  alias: {
    'isobench/driver': bundlePath('driver'),
    'isobench/reporter': bundlePath('reporter'),
    'isobench/tools': bundlePath('tools'),
    isobench: bundlePath('index'),
  },
  // Not bundled: errors of drivers and reporters must be instances of the classes of the isobench that runs.
  external: [bundlePath('driver'), bundlePath('reporter')],
  banner: {
    js:
      "import { createRequire as __isobenchRequire } from 'node:module';" +
      'const __isobenchMeta = import.meta, require = __isobenchRequire(__isobenchMeta.url);',
  },
} satisfies BuildOptions

const problemsOf = (messages: readonly Message[], file: string, root: string): Problem[] =>
  messages.filter(isCause).map(({ text, notes, location }) => ({
    file,
    message: text,
    ...importFix({ text, notes, location }),
    ...missingExport(text, root),
    // esbuild reads UTF-8 only, and names the first byte of the mark of UTF-16.
    ...(/^Unexpected "\\x(ff|fe)"$/.test(text) && { message: 'the file is not UTF-8', fix: utf16Fix }),
    ...(/"\\x00"$/.test(text) && {
      message: 'the file has a NUL byte',
      fix: 'save it as UTF-8: UTF-16 has such bytes',
    }),
    ...(location && {
      location: { file: join(root, location.file), line: location.line, column: location.column + 1 },
      ...(location.length > 0 && { word: location.lineText.slice(location.column, location.column + location.length) }),
    }),
  }))

/** Whether a message is no mere result of another one: of `isobench/x`, esbuild first looks into a file as a folder. */
const isCause = ({ text }: Message): boolean => !text.startsWith('Cannot read directory ')

/** Exports of Vitest, and what isobench has for them. */
const testExports: Readonly<Record<string, string>> = {
  describe: "use group('name', () => { bench(...) })",
  suite: "use group('name', () => { bench(...) })",
  test: "use bench('name', workload)",
  it: "use bench('name', workload)",
  ...Object.fromEntries(
    ['beforeEach', 'beforeAll', 'afterEach', 'afterAll'].map((name) => [
      name,
      "use prepare and cleanup of a workload: workload('name', { metrics, prepare, run, cleanup })",
    ]),
  ),
}

/** The message about a name that a bench file imports from isobench, and that isobench does not export. */
function missingExport(text: string, root: string): Pick<Problem, 'message' | 'fix'> | undefined {
  const [, path, name] = /^No matching export in "(.*)" for import "(\w+)"$/.exec(text) ?? []
  if (path === undefined || name === undefined) return undefined
  // esbuild shows the real path of the file, relative to the real path of the project.
  const file = resolve(realpathSync(root), path)
  const entry = entryPoints.find(({ bundle }) => file === realpathSync(bundlePath(bundle)))
  return (
    entry && {
      message: `${entry.module} has no export "${name}".`,
      fix: Object.hasOwn(testExports, name) ? testExports[name]! : suggestion(name, exportsOf(file)),
    }
  )
}

/** The entry points of isobench that esbuild bundles with a bench file. */
const entryPoints = [
  { module: 'isobench', bundle: 'index' },
  { module: 'isobench/tools', bundle: 'tools' },
] as const

const isBuildFailure = (error: unknown): error is BuildFailure => error instanceof Error && 'errors' in error

/** esbuild does not run on this host. */
class CompilerError extends IsobenchError {
  readonly code = 'ISOBENCH_COMPILER'
}

/** What esbuild reports if its own program is missing, broken or for another platform. */
const brokenCompiler = /^The service (was stopped|is no longer running)|"@esbuild\/|esbuild for another platform/

/** The error of a compiler that does not run; otherwise the same error. */
function explainCompiler(error: unknown): unknown {
  const message = messageOf(error)
  if (!brokenCompiler.test(message)) return error
  return new CompilerError(
    `esbuild, which compiles bench files, does not run: ${message}`,
    process.env.ESBUILD_BINARY_PATH === undefined
      ? 'install it for this platform: npm install --include=optional'
      : 'unset ESBUILD_BINARY_PATH, or set it to esbuild of the same version',
  )
}

const folderOf = (root: string) => join(root, '.isobench', 'build')

/** The most characters of a file's path in the name of its output. File systems allow 255 bytes for all of it. */
const longestName = 100

/** A recognizable file name, unique within the project. */
const outputName = (file: string) =>
  `${file.replace(/[^A-Za-z0-9.-]+/g, '_').slice(-longestName)}.${sha256(file).slice(0, 12)}`

/**
 * Writes compiled files to the project's `.isobench/build`.
 * @throws {WriteError} if the project's folder is read-only, or belongs to another user
 */
function writeBuild(root: string, files: readonly OutputFile[]): void {
  try {
    // Node's recursive mkdir reports ENOENT for a read-only file system.
    withUsersUmask(() => {
      makeFolder(folderOf(root))
      for (const { path, contents } of files) writeFileAtomic(path, contents)
    })
  } catch (error) {
    const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException
    if (code !== 'EROFS' && code !== 'EACCES') throw error
    const why = code === 'EROFS' ? 'its file system is read-only' : 'this user has no permission'
    throw new WriteError(
      `the project's folder ${root} cannot be written: ${why}`,
      `make it writable, or mount a writable folder at ${join(root, '.isobench')}, where isobench keeps its files`,
    )
  }
}

/** The path of an input and the type with which it is imported, if it has one. */
function typeOf(root: string, input: string, { inputs }: Metafile): (readonly [string, string])[] {
  const type = inputs[input]?.with?.type
  return type === undefined ? [] : [[join(root, input), type]]
}

/**
 * Bundles files, and writes nothing.
 * @param files if one of them is starred, the only one
 */
function bundleTogether(root: string, files: readonly string[]) {
  const entries = files.map((file) => ({ name: outputName(file), ...entryPoint(root, file) }))
  const tsconfig = entries[0]?.tsconfig
  return build({
    ...shared,
    absWorkingDir: root,
    ...(tsconfig !== undefined && { tsconfig }),
    plugins: [...shared.plugins, ...entries.flatMap(({ plugins }) => plugins)],
    entryPoints: Object.fromEntries(entries.map(({ name, path }) => [name, path])),
    outdir: folderOf(root),
    outExtension: { '.js': '.mjs' },
    sourcemap: 'linked',
    // Only the positions are read. esbuild 0.28.2 never ends if a source ends within a character of UTF-8.
    sourcesContent: false,
    metafile: true,
  })
}

/** @param files if one of them is starred, the only one */
async function compileTogether(root: string, files: readonly string[]): Promise<Compiled[]> {
  const folder = folderOf(root)
  const result = await bundleTogether(root, files)
  writeBuild(root, result.outputFiles)
  const notUtf8 = firstBytesNotUtf8(root, result.metafile)
  const search = searchRequiredModules()
  return Promise.all(
    files.map(async (file) => {
      const output = join(folder, `${outputName(file)}.mjs`)
      const code = result.outputFiles.find(({ path }) => path === output)!.text
      const keys = Object.keys(result.metafile.outputs[relative(root, output)]!.inputs)
      const inputs = keys.map((input) => join(root, input))
      const types = new Map(keys.flatMap((key) => typeOf(root, key, result.metafile)))
      const encoding = inputs.flatMap((input) => {
        const location = notUtf8.get(input)
        const message = 'a character is not UTF-8, and is replaced.'
        return location ? [{ file, message, fix: 'save the file as UTF-8', location }] : []
      })
      const required = await requiredFiles(root, inputs, search)
      return {
        file,
        output,
        digest: withContents(await digestOf(code, root), required),
        inputs: [...inputs, ...required],
        types,
        warnings: [...problemsOf(result.warnings, file, root), ...encoding],
      }
    }),
  )
}

/** Where files of the project have bytes that are not UTF-8. esbuild replaces them, also in names. */
const firstBytesNotUtf8 = (root: string, { inputs }: Metafile): ReadonlyMap<string, Location> =>
  new Map(
    Object.entries(inputs).flatMap(([key, { with: attributes }]) => {
      const file = join(root, key)
      if (attributes?.type === 'bytes' || !isProjectFile(root, file) || !existsSync(file)) return []
      const bytes = readFileSync(file)
      if (isUtf8(bytes)) return []
      const before = bytes.toString().split('\ufffd', 1)[0]!.split('\n')
      return [[file, { file, line: before.length, column: before.at(-1)!.length + 1 }] as const]
    }),
  )

/**
 * esbuild names each input in a comment. A parser removes the comments, because a line of a text may look like one.
 */
async function digestOf(code: string, root: string): Promise<string> {
  const options = {
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    format: 'esm',
    target: shared.target,
  } as const
  return sha256(withoutProjectPath((await transform(code, options)).code, root))
}

/** Compiles one file of the project into `.isobench/build`, with source maps. */
export async function compile(root: string, file: string): Promise<CompileResult> {
  try {
    const [compiled] = await compileTogether(root, [file])
    return { ok: true, compiled: compiled! }
  } catch (error) {
    if (!isBuildFailure(error)) throw explainCompiler(error)
    return { ok: false, problems: problemsOf(error.errors, file, root) }
  }
}

/**
 * Compiles several files together, which parses shared imports once. If one fails or is starred, each is compiled
 * separately.
 */
export async function compileAll(root: string, files: readonly string[]): Promise<CompileResult[]> {
  if (files.some(isStarred)) return Promise.all(files.map((file) => compile(root, file)))
  try {
    return (await compileTogether(root, files)).map((compiled) => ({ ok: true, compiled }))
  } catch (error) {
    if (!isBuildFailure(error)) throw explainCompiler(error)
    return Promise.all(files.map((file) => compile(root, file)))
  }
}

/** The absolute path of every file in the bundles of the files. One that does not compile has none. Writes nothing. */
export async function importedFiles(root: string, files: readonly string[]): Promise<string[]> {
  const inputsOf = async (some: readonly string[]) =>
    Object.keys((await bundleTogether(root, some)).metafile.inputs).map((input) => join(root, input))
  const ofEach = async () => (await Promise.all(files.map((file) => inputsOf([file]).catch(() => [])))).flat()
  return files.some(isStarred) ? ofEach() : inputsOf(files).catch(ofEach)
}

/** The files that are in no bundle, because the code loads them with `createRequire`, and those that they import. */
async function requiredFiles(root: string, inputs: readonly string[], search: ModuleSearch): Promise<string[]> {
  const found = new Set<string>()
  for (let waiting = inputs; waiting.length > 0; ) {
    const modules = await search(waiting.filter((file) => existsSync(file)))
    const entries = modules.map((file) => relative(root, file))
    const within = entries.length > 0 ? await importedFiles(root, entries) : []
    waiting = [...modules, ...within].filter((file) => !found.has(file) && !inputs.includes(file) && existsSync(file))
    for (const file of waiting) found.add(file)
  }
  return [...found].sort()
}

const withContents = (digest: string, files: readonly string[]): string =>
  files.length === 0 ? digest : sha256(JSON.stringify([digest, ...files.map((file) => sha256(readFileSync(file)))]))

/** Bundles a bench file for a guest, where isobench times its in-guest functions. Returns the code. */
export async function compileForGuest(root: string, file: string): Promise<string> {
  const { path: entry, plugins, ...options } = entryPoint(root, file)
  const [runtime, bench] = [bundlePath('in-guest'), entry].map((path) => JSON.stringify(path))
  const main = `import { timeInGuest } from ${runtime}\nawait timeInGuest(() => import(${bench}))\n`
  const result = await build({
    ...shared,
    ...options,
    plugins: [...shared.plugins, ...plugins],
    absWorkingDir: root,
    stdin: { contents: main, resolveDir: root, sourcefile: `${relative(root, file)}.guest.js` },
    splitting: false,
    sourcemap: false,
  })
  return result.outputFiles[0]!.text
}

/** The first 16 hexadecimal digits of the SHA-256 hash. */
export const sha256 = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16)
