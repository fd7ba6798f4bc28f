import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BuildFailure, type BuildOptions, build } from 'esbuild'
import { entry } from '../entries.ts'
import type { Problem } from './errors.ts'

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
  alias: { 'isobench/tools': entry('tools'), isobench: entry('index') },
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

/** Compiles one file of the project into `.isobench/build`, with source maps. */
export async function compile(root: string, file: string): Promise<CompileResult> {
  const folder = join(root, '.isobench', 'build')
  const outfile = join(folder, `${file.replace(/[^A-Za-z0-9.-]+/g, '_')}.mjs`)
  try {
    const result = await build({
      ...shared,
      absWorkingDir: root,
      entryPoints: [file],
      outfile,
      sourcemap: 'linked',
      metafile: true,
    })
    mkdirSync(folder, { recursive: true })
    for (const { path, contents } of result.outputFiles) writeFileSync(path, contents)
    const code = result.outputFiles.find(({ path }) => path === outfile)!.text
    return {
      ok: true,
      compiled: {
        file,
        output: outfile,
        // esbuild names each input in a comment: without them the digest is of the code alone.
        digest: sha256(code.replace(/^\/\/ .*$/gm, '')),
        inputs: Object.keys(result.metafile.inputs).map((input) => join(root, input)),
      },
    }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    return { ok: false, problems: problemsOf(error, file, root) }
  }
}

/** A bench file bundled to be run inside a guest, where tinybench times its in-guest functions. */
export async function compileForGuest(root: string, file: string): Promise<string> {
  const main = `import { timeInGuest } from ${JSON.stringify(entry('in-guest'))}\nawait timeInGuest(() => import(${JSON.stringify(join(root, file))}))\n`
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
