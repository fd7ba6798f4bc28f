import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, relative } from 'node:path'
import { transform } from 'esbuild'
import { bundlePath } from '../../util/assets.ts'
import { type Compiled, sha256 } from './compile.ts'
import { stripClaims } from './strip-claims.ts'

/** What identifies the work of a bench file, without the claims about it. */

const own = dirname(bundlePath('index'))

/** Whether a file is the user's. This process has loaded isobench's own files and does not load them again. */
export const isUserFile = (file: string): boolean => isAbsolute(file) && relative(own, file).startsWith('..')

const digests = new Map<string, Promise<string>>()

/** The digest of the work in one source file. The same content is parsed once. */
function fileDigest(file: string): Promise<string> {
  const content = readFileSync(file, 'utf8')
  const key = sha256(content)
  const digest = digests.get(key) ?? parseWork(file, content, key)
  if (digests.size > 500) digests.clear()
  digests.set(key, digest)
  return digest
}

async function parseWork(file: string, content: string, key: string): Promise<string> {
  if (!/\.[cm]?[jt]s$/.test(file) || file.includes('/node_modules/')) return key
  const { code } = await transform(content, {
    loader: /\.[cm]?ts$/.test(file) ? 'ts' : 'js',
    legalComments: 'none',
    target: 'node20',
    format: 'esm',
  })
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
 * claims, comments and white space. Files of isobench are left out.
 */
export async function workDigest({ inputs }: Pick<Compiled, 'inputs'>, root: string): Promise<string> {
  const files = inputs.filter(isUserFile).sort()
  const parts = await Promise.all(files.map(async (file) => [relative(root, file), await fileDigest(file)]))
  return sha256(JSON.stringify(parts))
}

/**
 * The digest of a bench file for its record: of the work in it, and of the parts of isobench that it uses. Samples of
 * two versions that differ only in claims are comparable. If a source cannot be read, it is the digest of all the code:
 * it may be gone since, and esbuild writes a backslash in a name as a slash.
 */
export async function benchDigest(compiled: Pick<Compiled, 'inputs' | 'digest'>, root: string): Promise<string> {
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
