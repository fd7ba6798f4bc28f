import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundlePath, packageFolder } from '../../../src/util/assets.ts'
import { script, temporary } from './children.ts'

let folder: ReturnType<typeof temporary>
beforeEach(() => {
  folder = temporary()
  // The script finds the command line as isobench does.
  writeFileSync(join(folder.path, 'package.json'), '{ "version": "0" }')
  symlinkSync(join(packageFolder(), 'bin'), join(folder.path, 'bin'))
})
afterEach(() => folder.remove())

/** Runs code in a process that has a directory in its journal, and waits until nobody writes to its standard error. */
async function ended(code: string) {
  const state = join(folder.path, 'state')
  const guests = join(state, 'guests')
  const file = await script(
    folder.path,
    'run',
    `import { mkdirSync } from 'node:fs'
    import { removeResource } from './src/host/cleanup.ts'
    import { startCleanupProcess } from './src/host/cleanup-process.ts'
    import { CleanupJournal } from './src/host/journal.ts'
    const cleanup = startCleanupProcess('starting')
    const journal = CleanupJournal.start('isob-test', removeResource)
    const path = ${JSON.stringify(join(guests, 'isob-test'))}
    await journal.create({ kind: 'directory', path }, () => mkdirSync(path, { recursive: true }))
    cleanup.note('measuring a.bench.ts#%s\\x1b on runc')
    ${code}`,
  )
  mkdirSync(state, { mode: 0o700 })
  writeFileSync(join(folder.path, 'loaded.cjs'), '')
  const env = {
    ...process.env,
    ...{ ISOBENCH_STATE: state, ISOBENCH_CACHE: join(folder.path, 'cache'), FORCE_COLOR: '0' },
    // It cannot be loaded from another working directory.
    NODE_OPTIONS: '--require ./loaded.cjs',
  }
  const stdio = ['ignore', 'ignore', 'pipe'] as const
  const child = spawn(process.execPath, [file], { env, cwd: folder.path, stdio: [...stdio], detached: true })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  await once(child, 'close')
  return { signal: child.signalCode, stderr, left: existsSync(guests) ? readdirSync(guests) : [], state }
}

describe.skipIf(!existsSync(bundlePath('collector')))('a process with a journal', () => {
  it.each([
    ['SIGKILL', "process.kill(process.pid, 'SIGKILL')"],
    ['SIGKILL', "process.kill(-process.pid, 'SIGKILL') // to its process group"],
    ['SIGABRT', 'process.abort()'],
  ])('that ends by %s is cleaned up after, with a message that names its work: %s', async (signal, code) => {
    const { stderr, ...rest } = await ended(code)
    expect(rest).toMatchObject({ signal, left: [] })
    expect(readdirSync(join(rest.state, 'journals'))).toEqual([])
    expect(stderr).toContain('error  isobench ended while it was measuring a.bench.ts#%s\\x1b on runc.\n')
    expect(stderr).toContain('A signal such as SIGKILL ended it, a second request to quit, or a full heap.\n')
    expect(stderr).toContain('if Node.js printed "heap out of memory", allow more MiB: NODE_OPTIONS=')
    expect(stderr).toMatch(/^removed the directory \S+\/isob-test$/m)
  })

  it('that says that nothing is left is not cleaned up', async () => {
    const { signal, stderr, left } = await ended('cleanup[Symbol.dispose](); process.exitCode = 0')
    expect({ signal, stderr, left }).toEqual({ signal: null, stderr: '', left: ['isob-test'] })
  })
})
