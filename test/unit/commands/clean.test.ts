import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { command } from '../../../src/commands/clean.ts'
import type { CommandIo } from '../../../src/commands/command.ts'
import type { Entry } from '../../../src/host/journal.ts'
import {
  type InstallEvent,
  installRelease,
  removePartialDownloads,
  removeRelease,
} from '../../../src/host/releases/install.ts'
import type { Release } from '../../../src/host/releases/release.ts'
import { installedReleases } from '../../../src/host/releases/store.ts'
import { finished, script, temporary } from '../host/children.ts'

let folder: ReturnType<typeof temporary>
const home = () => join(folder.path, 'home')
const mirror = () => join(folder.path, 'mirror')
const state = () => join(folder.path, 'state')
const settings = () => ({ ISOBENCH_HOME: home(), ISOBENCH_CACHE: join(folder.path, 'cache'), ISOBENCH_STATE: state() })
beforeEach(() => {
  folder = temporary()
  for (const [name, value] of Object.entries(settings())) vi.stubEnv(name, value)
  mkdirSync(mirror())
  writeFileSync(join(mirror(), 'crun'), 'crun')
})
afterEach(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

const release: Release = {
  name: 'crun',
  version: '9.0',
  arch: 'x86_64',
  license: 'GPL-2.0-or-later',
  files: [
    {
      url: 'https://releases.invalid/9.0/crun',
      sha256: createHash('sha256').update('crun').digest('hex'),
      statedBy: 1,
      archive: 'none',
      members: [{ path: 'crun', as: 'crun' }],
    },
  ],
  programs: { crun: 'crun' },
  platforms: ['crun'],
}

const install = (version = release.version, from = mirror()) => installRelease({ ...release, version }, { from })

/** Runs an installation in a process that ends by SIGKILL at an event, by default when it unpacks. */
async function killInstallation(event: InstallEvent['kind'] = 'unpacking'): Promise<void> {
  const code = `import { installRelease } from './src/host/releases/install.ts'
    Object.assign(process.env, ${JSON.stringify(settings())})
    const onEvent = ({ kind }) => kind === '${event}' && process.kill(process.pid, 'SIGKILL')
    await installRelease(${JSON.stringify(release)}, { from: ${JSON.stringify(mirror())}, onEvent })`
  expect(await finished(await script(folder.path, 'installer', code))).toEqual({ code: null, signal: 'SIGKILL' })
  const temporary = event === 'unpacking' ? [expect.stringMatching(/^crun-9\.0\.\w+\.tmp$/)] : []
  expect(readdirSync(home())).toEqual(['.lock', ...temporary])
}

async function clean(code = 0): Promise<string> {
  const out = new PassThrough()
  expect(await command.run([], {} as never, { out, err: out } as unknown as CommandIo)).toBe(code)
  return String(out.read())
}

/** What a process that was killed has left, the first one made first. */
function leftJournal(...entries: readonly Entry[]): string {
  mkdirSync(join(state(), 'journals'), { recursive: true, mode: 0o700 })
  const file = join(state(), 'journals/isob-1.jsonl')
  const lines = entries.map((entry, made) => `${JSON.stringify({ made, entry })}\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  return file
}

const commandEntry = (...argv: readonly string[]): Entry => ({ kind: 'command', description: argv.join(' '), argv })

describe('what is gone already', () => {
  it.runIf(process.getuid?.() === 0)('is not said to be removed', async () => {
    const name = 'isob-never'
    leftJournal(
      { kind: 'cgroup', name },
      { kind: 'netns', name },
      { kind: 'link', netns: name, name: 'isob0' },
      { kind: 'directory', path: join(folder.path, name) },
      { kind: 'empty-folder', path: join(folder.path, name) },
      { kind: 'process', id: { pid: 1, started: 'never' } },
    )
    expect(await clean()).toBe('Nothing to remove.\n')
  })
})

describe('something that cannot be removed', () => {
  it('is named and ends with 5, and everything else is removed; its journal stays', async () => {
    const file = leftJournal(commandEntry('true', 'first'), commandEntry('false'), commandEntry('true', 'last'))
    expect((await clean(5)).split('\n')).toEqual([
      'ran the command that removes true last',
      `could not remove false: false failed (exit 1). The command in ${file}: false`,
      'ran the command that removes true first',
      `Remove it by hand, and then the journal: rm ${file}`,
      '',
    ])
    expect(existsSync(file)).toBe(true)
    leftJournal(commandEntry('true'))
    expect(await clean()).toBe('ran the command that removes true\n')
    expect(existsSync(file)).toBe(false)
  })

  it('is an entry without valid fields, and it stops no other', async () => {
    const damaged = { kind: 'command', description: 'an argv that is a text', argv: 'false' } as unknown as Entry
    const file = leftJournal(damaged, { kind: 'netns' } as Entry, commandEntry('true'))
    expect((await clean(5)).split('\n')).toEqual([
      'ran the command that removes true',
      `cannot read an entry of ${file}: ${JSON.stringify({ made: 0, entry: damaged })}`,
      `cannot read an entry of ${file}: {"made":1,"entry":{"kind":"netns"}}`,
      `Remove them by hand, and then the journal: rm ${file}`,
      '',
    ])
  })

  it('is a journal that other users can write to, and none of its commands runs', async () => {
    const file = leftJournal(commandEntry('touch', join(folder.path, 'executed')))
    chmodSync(file, 0o666)
    expect(await clean(5)).toMatch(/^refused .*isob-1\.jsonl: other users can write to it\./)
    expect(existsSync(join(folder.path, 'executed'))).toBe(false)
  })
})

describe('the folder of all releases', () => {
  it('stays if the user made it: after a failed installation, a removal, and a kill with a clean-up', async () => {
    mkdirSync(home())
    await expect(install('9.0', folder.path)).rejects.toThrow('there is no file')
    expect(readdirSync(home())).toEqual([])
    await removeRelease(await install())
    expect(readdirSync(home())).toEqual([])
    await killInstallation()
    expect(await clean()).not.toContain('empty folder')
    // The clean-up of the download has removed the lock.
    expect(readdirSync(home())).toEqual([])
  })

  it('is removed after a failed installation if isobench made it', async () => {
    await expect(install('9.0', folder.path)).rejects.toThrow('there is no file')
    expect(existsSync(home())).toBe(false)
    expect(readdirSync(join(state(), 'journals'))).toEqual([])
  })

  it('is removed after a kill if isobench made it', async () => {
    await killInstallation()
    const [temporary, empty, download, ...others] = (await clean()).split('\n')
    expect(temporary).toMatch(/^removed the directory \S+\/home\/crun-9\.0\.\w+\.tmp$/)
    expect(empty).toBe(`removed the empty folder ${home()}`)
    expect(download).toMatch(/^removed the unfinished download \S+\.part$/)
    expect(others).toEqual([''])
    expect(existsSync(home())).toBe(false)
    expect(await clean()).toBe('Nothing to remove.\n')
  })

  it.each(['downloading', 'verified'] as const)('is removed after a kill at the event %s', async (event) => {
    await killInstallation(event)
    expect(installedReleases()).toEqual([])
    await clean()
    expect(existsSync(home())).toBe(false)
    expect(readdirSync(join(folder.path, 'cache/downloads'))).toEqual([])
    expect(readdirSync(join(state(), 'journals'))).toEqual([])
  })

  it('is removed with its last release if a process that was killed made it', async () => {
    await killInstallation()
    const releases = [await install(), await install('10.0')]
    expect(await clean()).not.toContain('empty folder')
    expect(installedReleases()).toEqual(releases.toReversed())
    await removeRelease(releases[0]!)
    expect(existsSync(home())).toBe(true)
    await removeRelease(releases[1]!)
    expect(existsSync(home())).toBe(false)
  })

  it('is removed by some processes while others install into it', async () => {
    const one = async (version: string, index: number) => {
      if (index % 2 === 0) await removeRelease(await install(version))
      else await expect(install(version, folder.path)).rejects.toThrow('there is no file')
      await removePartialDownloads()
      await clean()
    }
    await Promise.all(['1.0', '2.0', '3.0', '4.0', '5.0', '6.0'].map(one))
    expect(existsSync(home())).toBe(false)
    expect(readdirSync(join(state(), 'journals'))).toEqual([])
  })
})

it('ends its command when a signal interrupts it, and keeps the journal', async () => {
  const pidFile = join(folder.path, 'pid')
  const argv = ['sh', '-c', `echo $$ > '${pidFile}'; exec sleep 100`] as const
  const file = leftJournal({ kind: 'command', description: 'a pod', argv })
  const out = new PassThrough()
  const cleaning = command.run([], {} as never, { out, err: out } as unknown as CommandIo)
  await vi.waitUntil(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', { timeout: 20_000 })
  process.emit('SIGTERM')
  expect(await cleaning).toBe(130)
  expect(String(out.read())).toBe('interrupted: the rest stays for the next isobench clean\n')
  expect(existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}`)).toBe(false)
  expect(existsSync(file)).toBe(true)
})
