import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BuildFailure, type BuildOptions, build } from 'esbuild'
import { bundlePath } from '../../util/assets.ts'
import type { Problem } from '../model/suite.ts'

/** A TypeScript file with all that it imports, as one module that Node can load. */
export interface Compiled {
  /** Relative to the project. */
  readonly file: string
  readonly output: string
  /** Of the code: the same for the same code, whatever its comments and its place. */
  readonly digest: string
  /** The dependency graph's leaves: every file that the bundle was made of, absolute. */
  readonly inputs: readonly string[]
}

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
  // A bench may be compiled in a folder that has not installed isobench.
  alias: { 'isobench/tools': bundlePath('tools'), isobench: bundlePath('index') },
  banner: {
    js: "import { createRequire as __isobenchRequire } from 'node:module';const require = __isobenchRequire(import.meta.url);",
  },
} as const satisfies BuildOptions

const problemsOf = (failure: BuildFailure, file: string, root: string): Problem[] =>
  failure.errors.map(({ text, location }) => ({
    file,
    message: text,
    ...(location && {
      location: { file: join(root, location.file), line: location.line, column: location.column + 1 },
    }),
  }))

const isBuildFailure = (error: unknown): error is BuildFailure => error instanceof Error && 'errors' in error

const folderOf = (root: string) => join(root, '.isobench', 'build')

/** A name that no other file of the project gets, and that people recognise. */
const outputName = (file: string) => `${file.replace(/[^A-Za-z0-9.-]+/g, '_')}.${sha256(file).slice(0, 6)}`

/** Whole or not at all: another isobench may be importing the file. */
function writeFileAtomic(path: string, contents: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, contents)
  renameSync(temporary, path)
}

async function compileTogether(root: string, files: readonly string[]): Promise<Compiled[]> {
  const folder = folderOf(root)
  const result = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: Object.fromEntries(files.map((file) => [outputName(file), file])),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    sourcemap: 'linked',
    metafile: true,
  })
  mkdirSync(folder, { recursive: true })
  for (const { path, contents } of result.outputFiles) writeFileAtomic(path, contents)
  return files.map((file) => {
    const output = join(folder, `${outputName(file)}.mjs`)
    const code = result.outputFiles.find(({ path }) => path === output)!.text
    return {
      file,
      output,
      // esbuild names each input in a comment: without them the digest is of the code alone.
      digest: sha256(code.replace(/^\/\/ .*$/gm, '')),
      inputs: Object.keys(result.metafile.outputs[relative(root, output)]!.inputs).map((input) => join(root, input)),
    }
  })
}

/** Compiles one file of the project into `.isobench/build`, with source maps. */
export async function compile(root: string, file: string): Promise<CompileResult> {
  try {
    const [compiled] = await compileTogether(root, [file])
    return { ok: true, compiled: compiled! }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    return { ok: false, problems: problemsOf(error, file, root) }
  }
}

/** Compiles several files: in one go, which parses what they share once, or one by one when any of them fails. */
export async function compileAll(root: string, files: readonly string[]): Promise<CompileResult[]> {
  try {
    return (await compileTogether(root, files)).map((compiled) => ({ ok: true, compiled }))
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    return Promise.all(files.map((file) => compile(root, file)))
  }
}

/** A bench file bundled to be run inside a guest, where tinybench times its in-guest functions. */
export async function compileForGuest(root: string, file: string): Promise<string> {
  const main = `import { timeInGuest } from ${JSON.stringify(bundlePath('in-guest'))}\nawait timeInGuest(() => import(${JSON.stringify(join(root, file))}))\n`
  const result = await build({
    ...shared,
    absWorkingDir: root,
    stdin: { contents: main, resolveDir: root, sourcefile: `${relative(root, file)}.guest.js` },
    splitting: false,
    sourcemap: false,
  })
  return result.outputFiles[0]!.text
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
