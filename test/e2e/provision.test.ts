import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { archiveOf } from '../support/archives.ts'
import { sendFile, serve } from '../support/loopback.ts'
import { config, Project } from './support/cli.ts'
import { observe } from './support/host.ts'

/** What the mirror has, by file name: archives of the true layouts with stand-ins. The list has no digests of these. */
const files: Readonly<Record<string, Buffer>> = {
  'youki-0.7.0-x86_64-musl.tar.gz': await archiveOf('tar.gz', [
    { name: 'README.md', content: 'read me' },
    { name: 'LICENSE', content: 'Apache' },
    { name: 'youki', mode: 0o755, content: '#!/bin/sh\necho youki version 0.7.0\n' },
  ]),
  'osv-loader.elf.x86_64.gz': gzipSync('OSv v0.57.0'),
  'osv-loader-microvm.elf.x86_64.gz': gzipSync('OSv v0.57.0'),
}

const startMirror = (contents = files) =>
  serve((request, response) => {
    const file = contents[request.url!.slice(1)]
    if (file) sendFile(file)(request, response)
    else response.writeHead(404).end()
  })

/** The files of the host that an installation could reach by mistake. */
const hostPrograms = () =>
  ['/usr/local/bin', '/usr/local/sbin', '/opt', '/opt/isobench']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [folder, statSync(folder).mtimeMs, ...readdirSync(folder)])

const start = () => {
  const project = Project.with({ 'isobench.config.ts': config('youki') })
  // The cache is that of the project, so a download of the host's user stays.
  const env = { ISOBENCH_HOME: project.path('home'), ISOBENCH_CACHE: project.path('cache') }
  return { project, env, [Symbol.dispose]: () => project[Symbol.dispose]() }
}

test.skipIf(process.arch !== 'x64')(
  'releases are installed from a mirror, listed, found by doctor and removed, and nothing is left',
  async () => {
    const [host, before] = [observe(), hostPrograms()]
    using place = start()
    const { project, env } = place
    await using mirror = await startMirror()
    const isobench = (...args: string[]) => project.isobench(args, { env })

    const refused = await isobench('provision', 'youki', '--from', mirror.address)
    expect([refused.exitCode, refused.stderr]).toEqual([5, expect.stringContaining('--trust-first-download')])
    expect(mirror.requests).toEqual([])

    const from = ['--from', mirror.address, '--trust-first-download']
    const installed = await isobench('provision', 'youki', 'osv', ...from)
    expect(installed.stderr).toContain('youki 0.7.0, license Apache-2.0')
    expect(installed.stdout).toMatch(
      /youki 0\.7\.0 is in \S+\/home\/youki\/0\.7\.0\n {2}not verified: \S+ has the digest sha256:[0-9a-f]{64}; /,
    )
    expect(installed.exitCode).toBe(0)
    expect(readdirSync(project.path('home/osv/0.57.0')).sort()).toEqual([
      'loader-microvm.elf',
      'loader.elf',
      'release.json',
    ])
    expect(execFileSync(project.path('home/youki/0.7.0/youki'), { encoding: 'utf8' })).toBe('youki version 0.7.0\n')
    expect(readdirSync(project.path('cache/downloads'))).toEqual([])

    const listed = await isobench('provision', '--list')
    expect(listed.stdout).toMatch(/^youki@0\.7\.0 .*installed$/m)
    const doctor = await isobench('doctor', 'youki', '--wait-for-lock')
    expect(doctor.stdout).toMatch(/youki 0\.7\.0 \(provisioned\)/)

    const removed = await isobench('provision', '--remove', 'youki', '--remove', 'osv@0.57.0', '--wait-for-lock')
    expect(removed.stdout.split('\n')).toHaveLength(2)
    expect(existsSync(project.path('home'))).toBe(false)
    expect(hostPrograms()).toEqual(before)
    host.expectClean()
  },
)

/** A small disk at a path, until it is disposed of. */
function smallDisk(path: string, ...options: string[]): Disposable {
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=4m', ...options].join(','), 'isobench-e2e', path])
  return { [Symbol.dispose]: () => execFileSync('umount', [path]) }
}

test.skipIf(process.arch !== 'x64')(
  'a disk that is full, read-only or mounted with noexec is named, and nothing stays on it',
  async () => {
    const host = observe()
    using place = start()
    const { project, env } = place
    const name = 'youki-0.7.0-x86_64-musl.tar.gz'
    const zeros = await archiveOf('tar.gz', [{ name: 'youki', content: Buffer.alloc(20_000_000) }])
    const noise = randomBytes(6_000_000)
    await using mirror = await serve((request, response) => {
      // Without a length, so that isobench cannot refuse it before it writes.
      if (request.url === `/noise/${name}`) response.write(noise, () => response.end())
      else sendFile(request.url === `/zeros/${name}` ? zeros : files[name]!)(request, response)
    })
    const provision = (from: string, changes: Readonly<Record<string, string>>) =>
      project.isobench(['provision', 'youki', '--from', `${mirror.address}/${from}`, '--trust-first-download'], {
        env: { ...env, ...changes },
      })
    const small = project.path('small')
    {
      using _disk = smallDisk(small)
      const unpacking = await provision('zeros', { ISOBENCH_HOME: join(small, 'home') })
      expect(unpacking.exitCode).toBe(5)
      expect(unpacking.stderr).toMatch(
        new RegExp(
          `${small}/home/youki-0\\.7\\.0\\.\\w+\\.tmp cannot be written: the disk is full\\. ` +
            `The files of ${name} need more than \\d MiB there\\.`,
        ),
      )
      expect(unpacking.stderr).toContain('or set ISOBENCH_HOME to a folder on another disk')
      expect(readdirSync(small)).toEqual([])
      const downloading = await provision('noise', { ISOBENCH_CACHE: join(small, 'cache') })
      expect(downloading.exitCode).toBe(5)
      expect(downloading.stderr).toMatch(/\.part cannot be written: the disk is full\. The size of \S+ is unknown\./)
      expect(downloading.stderr).toContain('or set ISOBENCH_CACHE to a folder on another disk')
      expect(readdirSync(join(small, 'cache/downloads'))).toEqual([])
    }
    rmdirSync(small)
    {
      using _disk = smallDisk(small, 'ro')
      const reading = await provision('', { ISOBENCH_HOME: join(small, 'home') })
      expect(reading.exitCode).toBe(5)
      expect(reading.stderr).toContain(`error  ${small}/home cannot be written: its file system is read-only.`)
    }
    rmdirSync(small)
    using _disk = smallDisk(small, 'noexec')
    const executing = await provision('', { ISOBENCH_HOME: join(small, 'home') })
    expect(executing.exitCode).toBe(5)
    expect(executing.stderr).toContain(
      `programs in ${small}/home cannot be executed: its file system is mounted with noexec.`,
    )
    expect(readdirSync(small)).toEqual([])
    expect(existsSync(project.path('home'))).toBe(false)
    host.expectClean()
  },
)

test.skipIf(process.arch !== 'x64')(
  'a removal that is interrupted removes the release that it has begun with, and keeps the next one',
  async () => {
    const host = observe()
    using place = start()
    const { project, env } = place
    const record = { arch: 'x64', license: 'Apache-2.0', installed: '', files: [], programs: {}, madeHome: true }
    for (const version of ['0.6.0', '0.7.0']) {
      mkdirSync(project.path(`home/youki/${version}/many`), { recursive: true })
      for (let at = 0; at < 20_000; at++) writeFileSync(project.path(`home/youki/${version}/many/${at}`), '')
      writeFileSync(project.path(`home/youki/${version}/release.json`), JSON.stringify(record))
    }
    const running = project.start(['provision', '--remove', 'youki', '--wait-for-lock'], { env })
    while (!readdirSync(project.path('home')).some((name) => name.endsWith('.tmp'))) await sleep(1)
    const { exitCode, stdout, stderr } = await running.kill('SIGINT')
    expect(exitCode).toBe(130)
    expect(stdout).toBe(`removed ${project.path('home/youki/0.7.0')}`)
    expect(stderr).toContain('interrupted; all resources on the host are released.')
    expect(readdirSync(project.path('home'))).toEqual(['youki'])
    expect(readdirSync(project.path('home/youki'))).toEqual(['0.6.0'])
    host.expectClean()
  },
)

test.skipIf(process.arch !== 'x64')(
  'an installation that is killed while it unpacks leaves what `isobench clean` removes',
  async () => {
    const host = observe()
    using place = start()
    const { project, env } = place
    const large = await archiveOf('tar.gz', [{ name: 'youki', content: Buffer.alloc(250_000_000) }])
    await using mirror = await startMirror({ 'youki-0.7.0-x86_64-musl.tar.gz': large })
    const args = ['provision', 'youki', '--from', mirror.address, '--trust-first-download']
    const running = project.start(args, { env })
    // At once: unpacking takes only part of a second.
    running.child.all.on('data', () => {
      if (running.text.includes('unpacking')) running.child.kill('SIGKILL')
    })
    await running.end()
    expect(readdirSync(project.path('home')).filter((name) => name.endsWith('.tmp'))).toHaveLength(1)
    const list = await project.isobench(['provision', '--list'], { env })
    expect(list.stdout).not.toMatch(/installed$/m)

    const cleaned = await project.isobench(['clean'], { env })
    expect(cleaned.stdout).toMatch(/removed the directory \S+\.tmp\n/)
    expect(cleaned.stdout).toMatch(/removed the unfinished download \S+\.part$/)
    expect(existsSync(project.path('home'))).toBe(false)
    host.expectClean()
  },
)
