import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CommandIo } from '../../../src/commands/command.ts'
import { checkOptions } from '../../../src/commands/options.ts'
import { command } from '../../../src/commands/provision.ts'
import { formatBytes, listText, ProvisionProgress, progressText } from '../../../src/commands/provision-text.ts'
import { folderLock, lock } from '../../../src/host/lock.ts'
import { releases } from '../../../src/host/releases/manifest.ts'
import { hostArch } from '../../../src/host/releases/release.ts'
import type { IsobenchError } from '../../../src/util/errors.ts'
import { tarOf } from '../../support/archives.ts'
import { ownFolders } from '../../support/releases.ts'

const place = ownFolders()
let mirror: string
beforeEach(() => {
  mirror = place('mirror')
})

function streams() {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const io = { cwd: place('.'), out, err, color: false, commands: [] } as unknown as CommandIo
  return { io, text: () => ({ out: String(out.read() ?? ''), err: String(err.read() ?? '') }) }
}

/** Runs the command in this process. */
async function provision(names: readonly string[], typed: Record<string, readonly (string | boolean)[]> = {}) {
  const { io, text } = streams()
  const code = await command.run(names, checkOptions('isobench provision', command.options, typed), io)
  return { code, ...text() }
}

const refusal = async (...call: Parameters<typeof provision>) =>
  (await provision(...call).catch((error: unknown) => error)) as IsobenchError

const youki = releases.find(({ name, arch }) => name === 'youki' && arch === hostArch())!

/** A stand-in for youki in an archive of the true layout. */
async function publishYouki(): Promise<void> {
  const entries = [
    { name: 'README.md', content: 'read me' },
    { name: 'youki', mode: 0o755, content: '#!/bin/sh\necho youki version 0.7.0\n' },
    { name: 'LICENSE', content: 'Apache' },
  ]
  writeFileSync(join(mirror, youki.files[0]!.url.split('/').at(-1)!), gzipSync(await tarOf(entries)))
}

describe('isobench provision', () => {
  it.skipIf(youki === undefined || youki.files[0]!.statedBy > 0)(
    'installs from a mirror, and prints the license, the digest, the folder and its user',
    async () => {
      await publishYouki()
      const { code, out, err } = await provision(['youki'], { from: ['mirror'], trustFirstDownload: [true] })
      const folder = place('home/youki/0.7.0')
      expect(code).toBe(0)
      expect(readdirSync(folder).sort()).toEqual(['release.json', 'youki'])
      const { files } = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8'))
      expect(out).toBe(
        `youki 0.7.0 is in ${folder}\n` +
          `  not verified: ${files[0].url} has the digest ${files[0].digest}; compare it with another source\n` +
          `  to verify it from now on, set in isobench.config.ts:\n  releaseDigests: {\n` +
          `    '${files[0].url}': '${files[0].digest}',\n  },\n` +
          '  used by the platform youki, if the config names no other binary or version\n' +
          '  note: No public file states a digest of this build.\n',
      )
      expect(err).toMatch(/^youki 0\.7\.0, license Apache-2\.0\ndownloading .*: \d+ B\ndownloaded .*\nunpacking .*\n$/)
      expect((await provision([], { list: [true] })).out).toMatch(/youki@0\.7\.0 .*Apache-2\.0 +installed\n/)
      expect(JSON.parse((await provision([], { list: [true], json: [true] })).out).installed).toMatchObject([
        { name: 'youki', version: '0.7.0' },
      ])
      const again = await provision(['youki'], { from: ['mirror'], trustFirstDownload: [true] })
      expect(again.out).toMatch(/^youki 0\.7\.0 is already installed in /)
      expect(again.err).toBe('')
      rmSync(join(folder, 'youki'))
      expect((await provision([], { list: [true] })).out).toMatch(/youki@0\.7\.0 .* +installed, lacks youki\n/)
      expect(JSON.parse((await provision([], { list: [true], json: [true] })).out).installed).toMatchObject([
        { name: 'youki', missingPrograms: ['youki'] },
      ])
    },
  )

  it.skipIf(youki === undefined || youki.files[0]!.statedBy > 0)(
    'verifies a file by the digest in releaseDigests of the config, without any trust',
    async () => {
      await publishYouki()
      const { url } = youki.files[0]!
      const bytes = readFileSync(join(mirror, url.split('/').at(-1)!))
      const configure = (digest: string) =>
        writeFileSync(
          place('isobench.config.ts'),
          `export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }],
            releaseDigests: { '${url}': '${digest}' } }`,
        )
      configure(`sha256:${'0'.repeat(64)}`)
      const wrong = await refusal(['youki'], { from: ['mirror'] })
      expect(wrong.code).toBe('ISOBENCH_DIGEST')
      expect(wrong.message).toMatch(/, not sha256:0{64}, the one in releaseDigests of the config\.$/)
      const trusted = await refusal(['youki'], { from: ['mirror'], trustFirstDownload: [true] })
      expect(trusted.code).toBe('ISOBENCH_DIGEST')

      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      configure(digest)
      expect((await provision(['youki'], { dryRun: [true] })).out).toContain(`    ${digest}, of the config\n`)
      const { out, err } = await provision(['youki'], { from: ['mirror'] })
      expect(err).toContain(`: ${digest.slice(0, 23)}…, of the config\n`)
      expect(out).not.toContain('not verified')
    },
  )

  it('waits for another installation only with --wait-for-lock', async () => {
    mkdirSync(place('home'))
    const held = await lock(folderLock(place('home')), { purpose: 'installing kata 4.2.0' })
    const locked = await refusal(['crun'], { from: ['mirror'] })
    expect([locked.code, locked.fix]).toEqual(['ISOBENCH_LOCKED', 'wait for it with --wait-for-lock, or stop it'])
    let isOver = false
    const waiting = refusal(['crun'], { from: ['mirror'], waitForLock: [true] }).finally(() => {
      isOver = true
    })
    await new Promise((passed) => setTimeout(passed, 50))
    expect(isOver).toBe(false)
    held[Symbol.dispose]()
    // The mirror is empty.
    expect((await waiting).code).toBe('ISOBENCH_DOWNLOAD')
  })

  it('prints what it would fetch, and fetches nothing', async () => {
    const { out } = await provision(['crun'], { dryRun: [true], from: ['https://mirror.example/x/'] })
    const file = releases.find(({ name, arch }) => name === 'crun' && arch === hostArch())!.files[0]!
    expect(out).toContain(
      `into ${place('home/crun/1.29.1')}\n  https://mirror.example/x/${file.url.split('/').at(-1)}, `,
    )
    expect(out).toContain(`sha256:${file.sha256}, stated by ${file.statedBy} places`)
    const plan = JSON.parse((await provision(['crun'], { dryRun: [true], json: [true] })).out)
    expect(plan).toMatchObject([
      { release: 'crun@1.29.1', files: [{ source: file.url, digest: `sha256:${file.sha256}` }] },
    ])
    expect(readdirSync(place('.'))).toEqual(['mirror'])
  })

  it.each([
    [[], 'no release is named'],
    [['firecraker'], 'there is no release "firecraker". Did you mean firecracker?'],
    [['crun@0.1'], 'isobench knows no release crun 0.1, only 1.29.1.'],
    [['crun@1\u001b[31m/../x'], 'isobench knows no release crun 1'],
    [['runsc'], 'there is no release "runsc". The release gvisor contains it.'],
    [['crun', '1.29.1'], 'there is no release "1.29.1".'],
    [['runc'], 'there is no release "runc". The programs of this platform come from packages.'],
  ])('explains %j', async (names, message) => {
    const error = await refusal(names)
    expect(error.code).toBe('ISOBENCH_USAGE')
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('\u001b')
    expect(error.fix).toBeDefined()
  })

  it('names the architectures of a release that this host cannot run', async () => {
    const arch = process.arch
    Object.defineProperty(process, 'arch', { value: 'riscv64' })
    try {
      expect((await refusal(['crun'])).message).toContain('no release of crun for riscv64, only for x86_64 and aarch64')
    } finally {
      Object.defineProperty(process, 'arch', { value: arch })
    }
  })

  it.each([
    ['ftp://a/b', 'ftp:// is neither a folder nor an http address', 'use https'],
    ['file:///mnt/mirror', 'file:// is neither a folder', 'without file://'],
    ['http://', 'is not a valid address', '--from https://mirror.example.org/releases'],
    ['http:///a', 'is not a valid address', '--from https://mirror.example.org/releases'],
    ['https://m.example/x?key=secret', '--from has a query or a fragment', 'write it without'],
    ['absent', '/absent does not exist', 'name the folder'],
    ['mirror.example.org/x', '/mirror.example.org/x does not exist', 'write https://mirror.example.org/x'],
    ['/dev/null', '/dev/null is not a folder', 'name the folder'],
  ])('takes only folders and http addresses as a mirror: %s', async (from, message, fix) => {
    const error = await refusal(['crun'], { from: [from], dryRun: [true] })
    expect(error.code).toBe('ISOBENCH_USAGE')
    expect(error.message).toContain(message)
    expect(error.fix).toContain(fix)
  })

  it.each([
    [[], { remove: ['crun'], dryRun: [true] }, '--remove and --dry-run', 'omit --remove or --dry-run'],
    [[], { remove: ['crun'], list: [true] }, '--list and --remove', 'omit --list or --remove'],
    [['youki'], { remove: ['crun'] }, '--remove and "youki"', 'isobench provision --remove crun --remove youki'],
    [['crun'], { list: [true] }, '--list and "crun"', 'omit --list or "crun"'],
    [[], { list: [true], from: ['mirror'] }, '--list and --from', 'omit --list or --from'],
    [[], { list: [true], waitForLock: [true] }, '--list and --wait-for-lock', 'omit --list or --wait-for-lock'],
    [[], { remove: ['crun'], config: ['a.ts'] }, '--remove and --config', 'omit --remove or --config'],
  ])('refuses what does not go together: %j %j', async (names, typed, message, fix) => {
    const error = await refusal(names, typed as unknown as Record<string, readonly (string | boolean)[]>)
    expect(error.code).toBe('ISOBENCH_USAGE')
    expect(error.message).toContain(`${message} do not go together.`)
    expect(error.fix).toContain(fix)
  })

  it.each([
    ['crum', 'there is no release "crum". Did you mean crun?'],
    ['../x', 'there is no release "../x".'],
    ['runsc', 'The release gvisor contains it.'],
    ['docker', 'The programs of this platform come from packages.'],
    ['crun@', '"crun@" has no version after the "@".'],
  ])('refuses to remove %s', async (name, message) => {
    const error = await refusal([], { remove: [name] })
    expect(error.code).toBe('ISOBENCH_USAGE')
    expect(error.message).toContain(message)
    expect(error.fix).not.toMatch(/^isobench (doctor|provision (?!--remove))/)
  })

  it('removes what has arrived of a release that is not installed', async () => {
    const downloads = place('cache/downloads')
    mkdirSync(downloads, { recursive: true })
    const file = join(downloads, 'crun@1.29.1@x86_64-crun.part')
    for (const name of [file, join(downloads, 'youki@0.7.0@x86_64-youki.part')]) writeFileSync(name, '')
    expect(JSON.parse((await provision([], { remove: ['crun'], json: [true] })).out)).toEqual([file])
    expect(readdirSync(downloads)).toEqual(['youki@0.7.0@x86_64-youki.part'])
  })

  it('prints no password of a mirror', async () => {
    const { out } = await provision(['crun'], { dryRun: [true], from: ['https://user:secret@mirror.example/x'] })
    expect(out).toContain('\n  https://***@mirror.example/x/')
    expect(out).not.toContain('secret')
  })

  it('reads the scheme of a mirror in any case', async () => {
    const { out } = await provision(['crun'], { dryRun: [true], from: ['HTTPS://Mirror.Example/X'] })
    expect(out).toContain('\n  https://mirror.example/X/crun-')
  })

  it('plans a release once that is named twice', async () => {
    expect(JSON.parse((await provision(['crun', 'crun'], { dryRun: [true], json: [true] })).out)).toHaveLength(1)
  })

  it('lists each fact on its line, uncut, if the terminal is too narrow for the table', () => {
    const text = (columns: number) => listText({ ...streams().io, out: { columns } } as unknown as CommandIo)
    expect(text(60)).toContain('\n  Apache-2.0 AND BSD-3-Clause\n')
    expect(text(60)).not.toContain('…')
    expect(text(120)).toMatch(/^release +date +digest stated by +license\n/)
  })

  it('says what is not installed', async () => {
    expect((await provision([], { remove: ['crun'] })).out).toBe('crun is not installed.\n')
  })
})

describe('the progress', () => {
  it('has the share, the speed and the time left', () => {
    expect(progressText(30e6, 40e6, 100e6, 10_000)).toBe('40 MB of 100 MB · 40 % · 3 MB/s · ~20 s left')
    expect(progressText(0, 0, 996_647_537, 0)).toBe('0 B of 997 MB · 0 %')
    expect(progressText(5e6, 5e6, undefined, 2000)).toBe('5 MB · 2.5 MB/s')
  })

  it('has decimal units', () => {
    expect([0, 999, 135_960, 7_062_256, 1_219_000_000].map(formatBytes)).toEqual([
      ...['0 B', '999 B', '136 kB', '7.06 MB', '1.22 GB'],
    ])
  })

  it('makes room for a line, such as that of an interruption', async () => {
    const { io, text } = streams()
    Object.assign(io.err, { isTTY: true, columns: 80 })
    using progress = new ProvisionProgress(io)
    progress.show({ kind: 'downloading', source: 'https://a/b', progress: { received: 1e6, total: 4e6 } })
    progress.print('Interrupted.')
    const { err } = text()
    expect(err).toContain('1 MB of 4 MB')
    expect(err.endsWith('\r\x1b[2KInterrupted.\n')).toBe(true)
  })

  it('names a file once without a terminal, and where a download continues', () => {
    const { io, text } = streams()
    using progress = new ProvisionProgress(io)
    for (const received of [1e6, 2e6, 3e6])
      progress.show({ kind: 'downloading', source: 'https://a/b', progress: { received, total: 4e6 } })
    progress.show({ kind: 'verified', source: 'https://a/b', digest: `sha256:${'ab'.repeat(32)}`, statedBy: 1 })
    expect(text().err).toBe(
      'downloading https://a/b: 4 MB, continues after 1 MB\n' +
        'verified https://a/b: sha256:abababababababab…, stated by 1 place\n',
    )
  })
})
