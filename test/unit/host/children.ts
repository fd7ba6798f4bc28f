/** Real processes for tests of what happens between processes. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'

/** A folder that is removed at the end; everything of isobench's goes there. */
export function temporary(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/**
 * Compiles a script that may import from `src`. Packages are bundled, because the script is outside of the repository.
 */
export async function script(folder: string, name: string, code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: join(import.meta.dirname, '../../..'), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/')` },
  })
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, outputFiles[0]!.text)
  return file
}

/** Runs a script of the tests to its end. */
export async function finished(
  file: string,
  ...args: string[]
): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return { code, signal }
}

/** The first line that a child prints. */
export async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout!) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.split('\n')[0]!
}

/** Waits until something is so; a test that waits in vain fails by its time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}
