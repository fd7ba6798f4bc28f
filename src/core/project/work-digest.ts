import { accessSync, readFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative } from 'node:path'
import { build, transform } from 'esbuild'
import { bundlePath } from '../../util/assets.ts'
import { type Compiled, sha256 } from './compile.ts'
import { entryPoint } from './entry-point.ts'
import { stripClaims } from './strip-claims.ts'

/** What identifies the work of a bench file, without the claims about it. */

const own = dirname(bundlePath('index'))

/** Whether a file is the user's. This process has loaded isobench's own files and does not load them again. */
export const isUserFile = (file: string): boolean => isAbsolute(file) && relative(own, file).startsWith('..')

/** The work of JavaScript by its content, and of TypeScript by its compiled code. */
const digests = new Map<string, Promise<string>>()
/** The work of TypeScript that is being compiled, by its path: a tsconfig.json may change, and what it extends. */
const compiling = new Map<string, Promise<string>>()

/**
 * The digest of the work in one source file. The same code is parsed once.
 * @param type with which it is imported as data, such as `text`
 */
function fileDigest(file: string, type: string | undefined): Promise<string> {
  const loader = /\.[cm]?([jt]sx?)$/.exec(file)?.[1] as 'js' | 'jsx' | 'ts' | 'tsx' | undefined
  const isCode = type === undefined && loader !== undefined && !file.includes('/node_modules/')
  if (isCode && loader !== 'js') return compiledDigest(file)
  const content = readFileSync(file)
  if (!isCode) return Promise.resolve(sha256(content))
  return digestOnce(`${loader} ${sha256(content)}`, async () => {
    const { code } = await transform(content, { ...output, loader })
    return digestOfCode(code)
  })
}

const output = { legalComments: 'none', target: 'node20', format: 'esm' } as const

/**
 * Compiles a file alone with the tsconfig.json of its folder, which decides about decorators, class fields and JSX.
 * @throws an error of the kernel if there is no such file
 */
function compiledDigest(file: string): Promise<string> {
  const known = compiling.get(file)
  if (known) return known
  accessSync(file)
  const folder = dirname(file)
  const { path, ...options } = entryPoint(folder, basename(file))
  const alone = { absWorkingDir: folder, bundle: false, write: false, logLevel: 'silent' } as const
  const work = build({ ...output, ...options, ...alone, entryPoints: [path] })
    .then(({ outputFiles }) => outputFiles[0]!.text)
    .then((code) => digestOnce(`compiled ${sha256(code)}`, async () => digestOfCode(code)))
    .finally(() => compiling.delete(file))
  compiling.set(file, work)
  return work
}

function digestOnce(key: string, digest: () => Promise<string>): Promise<string> {
  const work = digests.get(key) ?? digest()
  if (digests.size > 500) digests.clear()
  digests.set(key, work)
  return work
}

function digestOfCode(code: string): string {
  try {
    return sha256(stripClaims(code))
  } catch (error) {
    // A CommonJS file may have syntax that a module may not have.
    if (error instanceof SyntaxError) return sha256(code)
    throw error
  }
}

/**
 * Returns the digest of a bench file and of all that it imports. It is equal for two versions that differ only in
 * claims, comments and white space, and differs if a tsconfig.json changes the compiled code. Files of isobench are
 * left out.
 */
export async function workDigest({ inputs, types }: Pick<Compiled, 'inputs' | 'types'>, root: string): Promise<string> {
  const files = inputs.filter(isUserFile).sort()
  const describeInput = async (file: string) => {
    const type = types.get(file)
    return [relative(root, file), await fileDigest(file, type), ...(type === undefined ? [] : [type])]
  }
  const parts = await Promise.all(files.map(describeInput))
  return sha256(JSON.stringify(parts))
}

/**
 * The digest of a bench file for its record: of the work in it, and of the parts of isobench that it uses. Samples of
 * two versions that differ only in claims are comparable. If a source cannot be read, it is the digest of all the code:
 * it may be gone since, and esbuild writes a backslash in a name as a slash.
 */
export async function benchDigest(
  compiled: Pick<Compiled, 'inputs' | 'types' | 'digest'>,
  root: string,
): Promise<string> {
  try {
    const ofIsobench = compiled.inputs.filter((file) => !isUserFile(file) && isAbsolute(file)).sort()
    return sha256(JSON.stringify([await workDigest(compiled, root), ofIsobench.map(contentDigest)]))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return compiled.digest
    throw error
  }
}

const contentDigests = new Map<string, string>()

/** The digest of a file of isobench, which does not change while isobench runs. */
function contentDigest(file: string): string {
  const digest = contentDigests.get(file) ?? sha256(readFileSync(file, 'utf8'))
  contentDigests.set(file, digest)
  return digest
}

/**
 * The digest of a bench with a function that guests time. No bench file imports the program that times it, and two
 * versions of it do not give the same figures.
 * @param digest of the bench file
 */
export const inGuestDigest = (digest: string): string =>
  sha256(JSON.stringify([digest, contentDigest(bundlePath('in-guest'))]))
