import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
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
