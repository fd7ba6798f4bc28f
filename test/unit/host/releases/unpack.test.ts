import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { which } from '../../../../src/host/packages.ts'
import { ArchiveError } from '../../../../src/host/releases/errors.ts'
import type { ArchiveKind, ReleaseFile } from '../../../../src/host/releases/release.ts'
import { unpack, unpackRequirements } from '../../../../src/host/releases/unpack.ts'
import { archiveOf, compressors, type TestEntry, tarOf } from '../../../support/archives.ts'

let place: string
let target: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'isobench-unpack-'))
  target = join(place, 'target')
  mkdirSync(target, { mode: 0o700 })
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

const whole = { bundle: '.' }

async function unpackBytes(
  bytes: Uint8Array,
  members: ReleaseFile['members'] = whole,
  archive: ArchiveKind = 'tar.gz',
  options = {},
): Promise<void> {
  const file = join(place, 'archive')
  writeFileSync(file, bytes)
  await unpack(file, { archive, members, url: 'https://a/release.tgz' }, target, options)
}

const unpackEntries = async (entries: readonly TestEntry[], members?: ReleaseFile['members']) =>
  unpackBytes(gzipSync(await tarOf(entries)), members)

/** Every path below a folder with its kind, its mode and its content. */
function treeOf(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix))
    .sort()
    .flatMap((name) => {
      const path = join(prefix, name)
      const stat = lstatSync(join(folder, path))
      const mode = (stat.mode & 0o7777).toString(8)
      if (stat.isDirectory()) return [`${path}/ ${mode}`, ...treeOf(folder, path)]
      return [stat.isFile() ? `${path} ${mode} ${readFileSync(join(folder, path))}` : `${path} link`]
    })
}

describe('an archive', () => {
  const entries: TestEntry[] = [
    { name: './', type: 'directory' },
    { name: './opt/kata/', type: 'directory', mode: 0o700 },
    { name: './opt/kata/runtime-rs/bin/containerd-shim-kata-v2', mode: 0o6755, content: 'shim' },
    { name: './opt/kata/share/kata-containers/vmlinux-6.18', mode: 0o600, content: 'kernel' },
    { name: './opt/kata/share/kata-containers/vmlinux.container', type: 'symlink', linkname: 'vmlinux-6.18' },
    { name: './opt/kata/bin/shim', type: 'symlink', linkname: '../runtime-rs/bin/containerd-shim-kata-v2' },
    { name: './opt/kata/bin/copy', type: 'link', linkname: './opt/kata/share/kata-containers/vmlinux-6.18' },
    { name: './opt/README', content: 'outside of the bundle' },
  ]
  const expected = [
    'bin/ 755',
    'bin/copy 644 kernel',
    'bin/shim link',
    'runtime-rs/ 755',
    'runtime-rs/bin/ 755',
    'runtime-rs/bin/containerd-shim-kata-v2 755 shim',
    'share/ 755',
    'share/kata-containers/ 755',
    'share/kata-containers/vmlinux-6.18 644 kernel',
    'share/kata-containers/vmlinux.container link',
  ]

  it.for(['tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)(
    'is unpacked as a bundle from %s',
    async (kind, { skip }) => {
      const program = compressors[kind]
      skip(program !== undefined && which(program) === undefined, `${program} is not installed`)
      await unpackBytes(await archiveOf(kind, entries), { bundle: 'opt/kata' }, kind)
      expect(treeOf(target)).toEqual(expected)
      expect(readFileSync(join(target, 'bin/shim'), 'utf8')).toBe('shim')
    },
  )

  it('has modes that do not depend on the umask', async () => {
    const before = process.umask(0o077)
    try {
      await unpackEntries(entries, { bundle: 'opt/kata' })
    } finally {
      process.umask(before)
    }
    expect(treeOf(target)).toEqual(expected)
  })

  it('gives its members their names', async () => {
    const name = 'release-v1.17.0-x86_64/firecracker-v1.17.0-x86_64'
    const members = [{ path: name, as: 'firecracker' }]
    await unpackEntries([{ name, mode: 0o755, content: 'vmm' }, { name: 'release-v1.17.0-x86_64/LICENSE' }], members)
    expect(treeOf(target)).toEqual(['firecracker 755 vmm'])
  })

  it('must have every member', async () => {
    const members = [{ path: 'release/jailer', as: 'jailer' }]
    await expect(unpackEntries([{ name: 'release/firecracker' }], members)).rejects.toThrow(
      'release.tgz lacks release/jailer. Its project may have changed the layout.',
    )
  })

  it('may replace a file of an earlier entry, as with tar', async () => {
    await unpackEntries([
      { name: 'a', content: 'old' },
      { name: 'b', type: 'link', linkname: 'a' },
      { name: 'a', content: 'new' },
    ])
    expect(treeOf(target)).toEqual(['a 644 new', 'b 644 old'])
  })

  it('may be one compressed file, or no archive', async () => {
    await unpackBytes(gzipSync('loader'), [{ path: 'loader.elf', as: 'loader.elf' }], 'gz')
    await unpackBytes(Buffer.from('program'), [{ path: 'crun-1.29.1', as: 'crun' }], 'none')
    expect(treeOf(target)).toEqual(['crun 755 program', 'loader.elf 644 loader'])
  })

  it('needs a program of the host for what Node cannot decompress', () => {
    expect(unpackRequirements('tar.zst')).toEqual([{ binary: 'zstd', package: 'zstd' }])
    expect(unpackRequirements('tar.gz')).toEqual([])
  })
})

describe('a hostile archive', () => {
  it.each<[string, readonly TestEntry[]]>([
    ['has an absolute path', [{ name: '/etc/passwd' }]],
    ['has a ".." in its path', [{ name: 'a/../../b' }]],
    ['has a ".." in its path', [{ name: '..', type: 'directory' }]],
    ['is a link to "/etc"', [{ name: 'a', type: 'symlink', linkname: '/etc' }]],
    ['is a link to "../x"', [{ name: 'a', type: 'symlink', linkname: '../x' }]],
    ['is a link to "../../x"', [{ name: 'a/b', type: 'symlink', linkname: '../../x' }]],
    ['is a link to ""', [{ name: 'a', type: 'symlink', linkname: '' }]],
    // The first link leads to the folder itself, so the second would leave it.
    [
      'is a link to "a/b/up/../x"',
      [
        { name: 'a/b/up', type: 'symlink', linkname: '../..' },
        { name: 'out', type: 'symlink', linkname: 'a/b/up/../x' },
      ],
    ],
    ['is below a file or a link', [{ name: 'a', type: 'symlink', linkname: '.' }, { name: 'a/b' }]],
    ['is below a file or a link', [{ name: 'a' }, { name: 'a/b' }]],
    ['replaces a folder', [{ name: 'a/b' }, { name: 'a', type: 'symlink', linkname: 'c' }]],
    ['is a link to "/etc/passwd"', [{ name: 'a', type: 'link', linkname: '/etc/passwd' }]],
    ['is a link to "../archive"', [{ name: 'a', type: 'link', linkname: '../archive' }]],
    ['is a link to a file that is not installed', [{ name: 'a', type: 'link', linkname: 'b' }]],
    ['is a character-device', [{ name: 'null', type: 'character-device' }]],
    ['is a block-device', [{ name: 'sda', type: 'block-device' }]],
    ['is a fifo', [{ name: 'fifo', type: 'fifo' }]],
  ])('is refused: its entry %s', async (why, entries) => {
    const error = await unpackEntries(entries).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ArchiveError)
    expect((error as ArchiveError).message).toContain(why)
    expect(readdirSync(place).sort()).toEqual(['archive', 'target'])
  })

  it('is refused also if the entry would not be installed', async () => {
    const entries: TestEntry[] = [{ name: 'a' }, { name: '/dev/sda', type: 'block-device' }]
    await expect(unpackEntries(entries, [{ path: 'a', as: 'a' }])).rejects.toThrow('has an absolute path')
  })

  it('is refused if it expands too far, or has too many entries', async () => {
    const bomb = gzipSync(await tarOf([{ name: 'zeros', content: new Uint8Array(4_000_000) }, { name: 'b' }]))
    expect(bomb.length).toBeLessThan(10_000)
    const limited = (limits: object) => unpackBytes(bomb, whole, 'tar.gz', { limits })
    await expect(limited({ bytes: 1_000_000, entries: 9 })).rejects.toThrow('contains more than 1,000,000 bytes')
    await expect(limited({ bytes: 9_000_000, entries: 1 })).rejects.toThrow('contains more than 1 entries')
    expect(statSync(join(target, 'zeros')).size).toBeLessThanOrEqual(4_000_000)
  })

  /** An archive that GNU tar makes of the files in a new folder. A number is the size of a hole at the start. */
  function byGnuTar(files: Readonly<Record<string, string | number>>, ...options: string[]): Buffer {
    const folder = mkdtempSync(join(place, 'files-'))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), typeof content === 'string' ? content : '')
      if (typeof content === 'string') continue
      truncateSync(join(folder, name), content)
      appendFileSync(join(folder, name), 'end')
    }
    const argv = [...options, '-cf', '-', '--', ...Object.keys(files)]
    const tar = execFileSync('tar', argv, { cwd: folder, maxBuffer: 1 << 24 })
    rmSync(folder, { recursive: true })
    return gzipSync(tar)
  }

  it.each(['gnu', 'posix', 'ustar'])(
    'may have long names, and names that a shell would misread: %s',
    async (format) => {
      const folders = Array.from({ length: format === 'ustar' ? 2 : 20 }, (_, n) => `folder-with-a-long-name-${n}`)
      const names = [`${folders.join('/')}/program`, 'a\nb', 'ä $(touch x)', 'A', 'a', '-rf']
      await unpackBytes(byGnuTar(Object.fromEntries(names.map((name) => [name, name])), `--format=${format}`))
      for (const name of names) expect(readFileSync(join(target, name), 'utf8')).toBe(name)
    },
  )

  it('is refused if a file is sparse, because tar-stream would write its map of holes as content', async () => {
    const files = { image: 4_000_000 }
    await expect(unpackBytes(byGnuTar(files, '--sparse', '--format=posix'))).rejects.toThrow('is a sparse file')
    await expect(unpackBytes(byGnuTar(files, '--sparse', '--format=gnu'))).rejects.toThrow('has an unknown type')
    await unpackBytes(byGnuTar(files, '--format=gnu'))
    expect(statSync(join(target, 'image')).size).toBe(4_000_003)
  })

  it('is broken if a name is too long for the file system', async () => {
    await expect(unpackEntries([{ name: 'x'.repeat(300) }])).rejects.toThrow(/release\.tgz is broken: ENAMETOOLONG/)
    await expect(unpackEntries([{ name: `${'d'.repeat(200)}/`.repeat(25) }])).rejects.toThrow(ArchiveError)
  })

  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '')
  const path = fc
    .tuple(fc.constantFrom('', '', '', '/'), fc.array(part, { minLength: 1, maxLength: 4 }))
    .map(([start, parts]) => `${start}${parts.join('/')}`)
  const entry: fc.Arbitrary<TestEntry> = fc.record({
    name: path.filter((name) => name !== ''),
    type: fc.constantFrom('file', 'file', 'directory', 'symlink', 'symlink', 'link', 'fifo'),
    linkname: path,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    content: fc.constant('planted'),
  })

  it('never writes outside its folder, nor a set-uid program', async () => {
    writeFileSync(join(place, 'a'), 'kept')
    mkdirSync(join(place, 'b'))
    writeFileSync(join(place, 'archive'), '')
    const outside = () =>
      readdirSync(place)
        .filter((name) => name !== 'target' && name !== 'archive')
        .flatMap((name) => [name, lstatSync(join(place, name)).mode, lstatSync(join(place, name)).nlink])
    const before = outside()
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), async (entries) => {
        rmSync(target, { recursive: true, force: true })
        mkdirSync(target)
        await unpackEntries(entries).catch((error: unknown) => expect(error).toBeInstanceOf(ArchiveError))
        for (const line of treeOf(target)) {
          const [name, mode] = line.split(' ') as [string, string]
          if (mode === 'link') writeThrough(join(target, name))
          else expect(mode).toMatch(/^(755|644)$/)
        }
        expect(outside()).toEqual(before)
        expect(readFileSync(join(place, 'a'), 'utf8')).toBe('kept')
      }),
      { numRuns: 300 },
    )
  })

  /** Follows a link as the kernel does. The test then compares what is outside. */
  function writeThrough(link: string): void {
    try {
      writeFileSync(link, 'through', { flag: 'a' })
    } catch {
      // It leads nowhere, to a folder, or in a circle.
    }
  }
})

describe('a broken archive', () => {
  const entries: TestEntry[] = [
    { name: 'a', content: Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * n) % 251)) },
  ]

  it.for(['tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)(
    'is refused when it is cut short: %s',
    async (kind, { skip }) => {
      const program = compressors[kind]
      skip(program !== undefined && which(program) === undefined, `${program} is not installed`)
      const bytes = await archiveOf(kind, entries)
      for (const share of [0, 0.3, 0.99]) {
        await expect(unpackBytes(bytes.subarray(0, bytes.length * share), whole, kind)).rejects.toThrow(ArchiveError)
      }
    },
  )

  it('says that it ends within a file', async () => {
    const tar = await tarOf(entries)
    await expect(unpackBytes(gzipSync(tar.subarray(0, 100_000)))).rejects.toThrow(
      'release.tgz is broken: Unexpected end of data.',
    )
  })

  it('is refused when it is something else', async () => {
    await expect(unpackBytes(Buffer.from('<html>'), whole)).rejects.toMatchObject({
      message: expect.stringMatching(/^release\.tgz is broken: /),
      fix: expect.stringMatching(/^get https:\/\/a\/release\.tgz in another way .*--from <folder or URL>$/),
    })
    await expect(unpackBytes(gzipSync('no tar, but as long as a header'.repeat(40)), whole)).rejects.toThrow(
      ArchiveError,
    )
  })

  it('is not unpacked further after an interruption', async () => {
    const bytes = gzipSync(await tarOf(entries))
    await expect(unpackBytes(bytes, whole, 'tar.gz', { signal: AbortSignal.abort() })).rejects.toThrow(/interrupted/)
  })
})
