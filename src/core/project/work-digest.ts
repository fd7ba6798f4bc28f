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

/**
 * The digest of the work in one source file. The same code is parsed once.
 * @param type with which it is imported as data, such as `text`
 */
function fileDigest(file: string, type: string | undefined): Promise<string> {
  const content = readFileSync(file)
  const digest = sha256(content)
  const loader = /\.[cm]?([jt]s)$/.exec(file)?.[1] as 'js' | 'ts' | undefined
  if (type !== undefined || loader === undefined || file.includes('/node_modules/')) return Promise.resolve(digest)
  const key = `${loader} ${digest}`
  const work = digests.get(key) ?? parseWork(content.toString('utf8'), loader)
  if (digests.size > 500) digests.clear()
  digests.set(key, work)
  return work
}

async function parseWork(content: string, loader: 'js' | 'ts'): Promise<string> {
  const { code } = await transform(content, {
    loader,
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
