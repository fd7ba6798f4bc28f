import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  bootCommand,
  bootProgram,
  fileInRootfs,
  osvDisk,
  osvDiskPath,
  osvEntries,
  osvPrograms,
} from '../../../../src/platforms/shared/osv-image.ts'
import { readElf } from '../../../../src/vm/elf.ts'

/** A small ELF file: a library or program with these symbols and needed libraries (gABI, chapters 4 and 5). */
function elf({
  needed = [],
  uses = [],
  defines = [],
  weak = [],
}: {
  readonly needed?: readonly string[]
  readonly uses?: readonly string[]
  readonly defines?: readonly string[]
  readonly weak?: readonly string[]
}): Buffer {
  let strings = '\0'
  const offsetOf = (name: string) => {
    strings += `${name}\0`
    return strings.length - name.length - 1
  }
  const symbol = (name: string, section: number, binding = 1) => {
    const bytes = Buffer.alloc(24)
    bytes.writeUInt32LE(name === '' ? 0 : offsetOf(name))
    bytes.writeUInt8(binding << 4, 4)
    bytes.writeUInt16LE(section, 6)
    return bytes
  }
  const symbols = Buffer.concat([
    symbol('', 0, 0),
    ...uses.map((name) => symbol(name, 0)),
    ...weak.map((name) => symbol(name, 0, 2)),
    ...defines.map((name) => symbol(name, 1)),
  ])
  const tag = (type: number, value: number) => {
    const bytes = Buffer.alloc(16)
    bytes.writeBigUInt64LE(BigInt(type))
    bytes.writeBigUInt64LE(BigInt(value), 8)
    return bytes
  }
  const dynamic = Buffer.concat([...needed.map((name) => tag(1, offsetOf(name))), tag(0, 0)])
  const names = Buffer.from(strings, 'latin1')
  const header = Buffer.alloc(64)
  header.write('7f454c460201', 'hex')
  const parts = [
    [0, Buffer.alloc(0), 0],
    [11, symbols, 2],
    [3, names, 0],
    [6, dynamic, 2],
  ] as const
  let offset = header.length
  const sections = parts.map(([type, bytes, link]) => {
    const section = Buffer.alloc(64)
    section.writeUInt32LE(type, 4)
    section.writeBigUInt64LE(BigInt(offset), 0x18)
    section.writeBigUInt64LE(BigInt(bytes.length), 0x20)
    section.writeUInt32LE(link, 0x28)
    offset += bytes.length
    return section
  })
  header.writeBigUInt64LE(BigInt(offset), 0x28)
  header.writeUInt16LE(64, 0x3a)
  header.writeUInt16LE(parts.length, 0x3c)
  return Buffer.concat([header, ...parts.map(([, bytes]) => bytes), ...sections])
}

describe('an ELF file', () => {
  it('is read: needed libraries, and symbols without weak ones', () => {
    const read = readElf(elf({ needed: ['libm.so.6'], uses: ['puts'], weak: ['__cxa_finalize'], defines: ['main'] }))
    expect(read?.needed).toEqual(['libm.so.6'])
    expect(read?.undefinedSymbols.map(({ name }) => name)).toEqual(['puts'])
    expect(read?.definedSymbols).toEqual(new Set(['main']))
  })

  it('is no script, no file of 32 bits, and none that is cut off', () => {
    const whole = elf({})
    const small = Buffer.from(whole)
    small[4] = 1
    for (const bytes of [Buffer.from('#!/bin/sh\n'), small, whole.subarray(0, whole.length - 1)])
      expect(readElf(bytes)).toBeUndefined()
  })
})

describe("OSv's disk", () => {
  let folder: string
  let rootfs: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-osv-'))
    rootfs = join(folder, 'rootfs')
    vi.stubEnv('ISOBENCH_CACHE', join(folder, 'cache'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  })
  const put = (path: string, content: Buffer) => {
    mkdirSync(dirname(join(rootfs, path)), { recursive: true })
    writeFileSync(join(rootfs, path), content)
  }
  const loader = elf({ defines: ['strtol', 'puts', '__isoc23_sscanf', 'sscanf'] })
  const contentOf = (entries: ReturnType<typeof osvEntries>, path: string) => {
    const entry = entries.find((one) => one.path === path)
    return entry && 'content' in entry ? Buffer.from(entry.content) : undefined
  }

  it('has the programs, and the libraries that OSv does not replace, at the paths where OSv looks', () => {
    put('/usr/bin/sysbench', elf({ needed: ['libluajit.so.2', 'libm.so.6', 'libc.so.6'] }))
    put('/usr/lib/x86_64-linux-gnu/libluajit.so.2.1', elf({ needed: ['libgcc_s.so.1', 'libluajit.so.2'] }))
    symlinkSync('libluajit.so.2.1', join(rootfs, 'usr/lib/x86_64-linux-gnu/libluajit.so.2'))
    put('/usr/lib/x86_64-linux-gnu/libgcc_s.so.1', elf({}))
    put('/usr/lib/x86_64-linux-gnu/libm.so.6', elf({}))
    const paths = osvEntries(rootfs, Object.values(osvPrograms), loader).map(({ path }) => path)
    expect(paths).toEqual([
      ...['/dev', '/proc', '/sys', '/tmp', '/data', '/etc', '/etc/fstab', '/etc/hosts', '/etc/mnttab'],
      ...['/usr/bin/sysbench', '/usr/lib/libluajit.so.2', '/usr/lib/libgcc_s.so.1'],
    ])
  })

  it('gives functions of C23 their older names if OSv has only these', () => {
    put('/usr/bin/sysbench', elf({ uses: ['__isoc23_strtol', '__isoc23_sscanf', '__isoc23_wcstol', 'puts'] }))
    const entries = osvEntries(rootfs, ['/usr/bin/sysbench'], loader)
    const names = readElf(contentOf(entries, '/usr/bin/sysbench')!)?.undefinedSymbols.map(({ name }) => name)
    expect(names).toEqual(['strtol', '__isoc23_sscanf', '__isoc23_wcstol', 'puts'])
  })

  it('follows links inside of the image only, and not in a circle', () => {
    put('/opt/real', Buffer.from('x'))
    symlinkSync('/opt/real', join(rootfs, 'absolute'))
    symlinkSync('../../../../opt/real', join(rootfs, 'opt/above'))
    symlinkSync('circle', join(rootfs, 'circle'))
    symlinkSync('/etc/hostname', join(rootfs, 'of-the-host'))
    expect(fileInRootfs(rootfs, '/absolute')).toBe(join(rootfs, 'opt/real'))
    expect(fileInRootfs(rootfs, '/opt/above')).toBe(join(rootfs, 'opt/real'))
    for (const path of ['/circle', '/of-the-host', '/opt', '/none']) expect(fileInRootfs(rootfs, path)).toBeUndefined()
  })

  it('is another file after a change of the image, the loader or the programs', () => {
    mkdirSync(rootfs)
    const file = join(folder, 'loader.elf')
    writeFileSync(file, loader)
    const disk = { rootfs, loader: file, programs: ['/usr/bin/sysbench'] }
    const path = osvDiskPath(disk)
    expect(path).toMatch(/\/cache\/disks\/[0-9a-f]{16}\.rofs$/)
    expect(osvDisk(disk)).toMatchObject({ name: 'disk for OSv', path })
    expect(osvDiskPath({ ...disk, programs: [] })).not.toBe(path)
    rmSync(file)
    expect(osvDiskPath(disk)).not.toBe(path)
  })

  it('boots with a program that is in it', () => {
    expect(bootCommand).toContain(` ${bootProgram} `)
    put(bootProgram, elf({}))
    expect(osvEntries(rootfs, [], loader).map(({ path }) => path)).toContain(bootProgram)
  })
})
