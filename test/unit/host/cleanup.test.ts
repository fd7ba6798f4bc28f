import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { cgroupExecArgv } from '../../../src/host/cgroup.ts'
import { removeResource } from '../../../src/host/cleanup.ts'
import { folderLock, lock } from '../../../src/host/lock.ts'
import { insideCgroup } from '../../../src/host/sandbox.ts'
import { temporary } from './children.ts'

const folder = temporary()
afterEach(() => vi.unstubAllEnvs())
afterAll(() => folder.remove())

describe('removing a directory', () => {
  it('is tried again if a process that still runs adds a file', async () => {
    const [bin, target] = [join(folder.path, 'bin'), join(folder.path, 'guest')]
    for (const path of [bin, target]) mkdirSync(path)
    const real = execFileSync('sh', ['-c', 'command -v rm'], { encoding: 'utf8' }).trim()
    // The first removal finds a file that was added after its folder was read.
    const program = `#!/bin/sh
if [ -e ${bin}/late ]; then exec ${real} "$@"; fi
: > ${bin}/late
echo "rm: cannot remove '${target}': Directory not empty" >&2
exit 1
`
    writeFileSync(join(bin, 'rm'), program, { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`)
    await removeResource({ kind: 'directory', path: target })
    expect(existsSync(target)).toBe(false)
  })
})

describe('removing a tracer', () => {
  it.runIf(process.getuid?.() === 0)('leaves no mount, also if the journal has only the tracer', async () => {
    const [bin, guests] = [join(folder.path, 'programs'), join(folder.path, 'state/guests')]
    mkdirSync(bin)
    const mount =
      '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/instances"\n' +
      `[ -e ${join(folder.path, 'mounted')} ] || mkdir "$last/instances/isob-1-syscalls"\n` +
      `echo "$last" > ${join(folder.path, 'mounted')}\n`
    writeFileSync(join(bin, 'mount'), mount, { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`)
    vi.stubEnv('ISOBENCH_STATE', join(folder.path, 'state'))
    expect(await removeResource({ kind: 'tracer', name: 'isob-1-syscalls' })).toBe(true)
    expect(readFileSync(join(folder.path, 'mounted'), 'utf8')).toBe(`${join(guests, 'isob-1-syscalls-tracefs')}\n`)
    expect(readdirSync(guests)).toEqual([])
    // The entry that the journal has before the one of the tracer.
    await removeResource({ kind: 'directory', path: join(guests, 'isob-1-syscalls-tracefs') })
    expect(readdirSync(guests)).toEqual([])
    expect(await removeResource({ kind: 'tracer', name: 'isob-1-syscalls' })).toBe(false)
    expect(readdirSync(guests)).toEqual([])
  })
})

describe('removing an empty folder', () => {
  const [target, inside] = [join(folder.path, 'home'), join(folder.path, 'home/file')]
  const remove = () => removeResource({ kind: 'empty-folder', path: target })

  it('leaves one that has something in it, and removes it afterwards', async () => {
    mkdirSync(target)
    writeFileSync(inside, '')
    await remove()
    expect(existsSync(inside)).toBe(true)
    rmSync(inside)
    await remove()
    expect(existsSync(target)).toBe(false)
    await remove()
  })

  it('leaves one that a process has locked, but not one with the lock of a process that was killed', async () => {
    mkdirSync(target)
    {
      using _lock = await lock(folderLock(target), { purpose: 'installing' })
      await remove()
      expect(existsSync(target)).toBe(true)
    }
    writeFileSync(folderLock(target), 'of a process that was killed', { mode: 0o600 })
    await remove()
    expect(existsSync(target)).toBe(false)
  })
})

describe('a host process of a sandbox', () => {
  it('is started in the cgroup of the sandbox, whether or not the driver wraps it', () => {
    const argv = ['tar', '-c', '.'] as const
    const wrapped = cgroupExecArgv('isob-1', argv)
    expect(wrapped[0]).toBe('cgexec')
    expect(insideCgroup('isob-1', argv)).toEqual(wrapped)
    expect(insideCgroup('isob-1', wrapped)).toEqual(wrapped)
    expect(insideCgroup('isob-1', cgroupExecArgv('isob-2', argv)).slice(0, 3)).toEqual(wrapped.slice(0, 3))
  })
})
