import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RofsEntry, writeRofsDisk } from '../../../src/vm/rofs.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-rofs-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

let disks = 0
function written(entries: readonly RofsEntry[]): Buffer {
  const target = join(folder, `disk-${disks++}`)
  writeRofsDisk(target, entries)
  const bytes = readFileSync(target)
  rmSync(target)
  return bytes
}

type Tree = { [name: string]: Tree | Buffer | string }

/**
 * Reads a disk as OSv does: the second partition (`fs/devfs/device.cc`), then the super block, the tables and the
 * inodes (`fs/rofs/rofs_vfsops.cc`, `rofs_vnops.cc`). A link is a string.
 */
function readDisk(disk: Buffer): Tree {
  expect(disk.readUInt16LE(510)).toBe(0xaa55)
  const entry = disk.subarray(0x1be + 16, 0x1be + 32)
  expect(entry[4]).not.toBe(0)
  expect(entry[2]! & 0x3f).not.toBe(0)
  const start = entry.readUInt32LE(8) * 512
  const partition = disk.subarray(start, start + entry.readUInt32LE(12) * 512)
  expect(partition.length).toBe(entry.readUInt32LE(12) * 512)
  const field = (index: number) => Number(partition.readBigUInt64LE(index * 8))
  expect([field(0), field(1), field(2)]).toEqual([0xdeadbead, 1, 512])
  const tables = partition.subarray(field(3) * 512, (field(3) + field(4)) * 512)
  let at = 0
  const next = (length: number) => {
    at += length
    return tables.subarray(at - length, at)
  }
  const text = () => next(next(2).readUInt16LE()).toString()
  const names = Array.from({ length: field(5) }, () => {
    const inode = Number(next(8).readBigUInt64LE())
    return { inode, name: text() }
  })
  const links = Array.from({ length: field(6) }, text)
  const inodes = Array.from({ length: field(7) }, (_, index) => {
    const [mode, number, offset, count] = [0, 8, 16, 24].map((shift) => Number(tables.readBigUInt64LE(at + shift)))
    at += 32
    expect(number).toBe(index + 1)
    return { mode: mode!, offset: offset!, count: count! }
  })
  const read = ({ mode, offset, count }: (typeof inodes)[number]): Tree | Buffer | string => {
    if (mode === 0o120000) return links[offset]!
    if (mode === 0o100000) return partition.subarray(offset * 512, offset * 512 + count)
    expect(mode).toBe(0o040000)
    return Object.fromEntries(
      names.slice(offset, offset + count).map(({ name, inode }) => [name, read(inodes[inode - 1]!)]),
    )
  }
  return read(inodes[0]!) as Tree
}

describe('a disk with ROFS', () => {
  it('is read back, with files of a folder, folders in folders, links, and empty ones', () => {
    const file = join(folder, 'program')
    writeFileSync(file, Buffer.alloc(1025, 7))
    const disk = written([
      { path: '/usr/bin/program', file },
      { path: '/etc/hosts', content: Buffer.from('127.0.0.1 localhost\n') },
      { path: '/etc/mnttab', link: '/proc/mounts' },
      { path: '/etc/empty', content: Buffer.alloc(0) },
      { path: '/dev', folder: true },
      { path: '/usr', folder: true },
      { path: '/usr/lib/größe.so', content: Buffer.alloc(512, 1) },
    ])
    expect(readDisk(disk)).toEqual({
      dev: {},
      etc: { empty: Buffer.alloc(0), hosts: Buffer.from('127.0.0.1 localhost\n'), mnttab: '/proc/mounts' },
      usr: { bin: { program: Buffer.alloc(1025, 7) }, lib: { 'größe.so': Buffer.alloc(512, 1) } },
    })
    // Whole MiB: the part before the partition, and the partition.
    expect(disk.length).toBe(2 * 1024 ** 2)
  })

  it('has these bytes', () => {
    const partition = written([{ path: '/a', content: Buffer.from('xyz') }]).subarray(1024 ** 2)
    const words = (...values: number[]) => {
      const bytes = Buffer.alloc(values.length * 8)
      for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), index * 8)
      return bytes.toString('hex')
    }
    // Super block: the tables begin in block 2 and fill one, with 1 directory entry, no link and 2 inodes.
    expect(partition.toString('hex', 0, 64)).toBe(words(0xdeadbead, 1, 512, 2, 1, 1, 0, 2))
    expect(partition.toString('latin1', 512, 516)).toBe('xyz\0')
    const entry = `${words(2)}0100${Buffer.from('a').toString('hex')}`
    expect(partition.toString('hex', 1024, 1024 + 11 + 64)).toBe(
      entry + words(0o040000, 1, 0, 1) + words(0o100000, 2, 1, 3),
    )
  })

  it("is what OSv's own script writes for the same files, byte for byte", () => {
    const partition = written([
      { path: '/a', content: Buffer.from('xyz') },
      { path: '/dev', folder: true },
      { path: '/etc/empty', content: Buffer.alloc(0) },
      { path: '/etc/hosts', content: Buffer.from('127.0.0.1 localhost\n') },
      { path: '/etc/mnttab', link: '/proc/mounts' },
      { path: '/usr/bin/program', content: Buffer.alloc(1025, 7) },
      { path: '/usr/lib/lib', content: Buffer.alloc(512, 1) },
    ]).subarray(1024 ** 2)
    // The output of scripts/gen-rofs-img.py of OSv 0.57.0 for a manifest of these files, which has 4608 bytes.
    expect(createHash('sha256').update(partition.subarray(0, 4608)).digest('hex')).toBe(
      '209a5796d3c7bdb747d1467a1790c0c44e90bed328431e469403749fb51e578f',
    )
    expect(partition.subarray(4608).every((byte) => byte === 0)).toBe(true)
  })

  it('is the same for the same entries in any order', () => {
    const entries: RofsEntry[] = ['/b/c', '/a', '/b/a'].map((path) => ({ path, content: Buffer.from(path) }))
    const digest = (disk: Buffer) => createHash('sha256').update(disk).digest('hex')
    expect(digest(written(entries))).toBe(digest(written(entries.toReversed())))
  })

  it('contains what was put into it, whatever that is', () => {
    const isName = (text: string) => !/[/\0]/.test(text) && Buffer.from(text).toString() === text
    const name = fc.string({ minLength: 1, maxLength: 12 }).filter(isName)
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.dictionary(
        name,
        fc.oneof(
          { maxDepth: 3 },
          fc.uint8Array({ maxLength: 1200 }).map(Buffer.from),
          fc.string({ minLength: 1, maxLength: 9 }),
          tie('tree'),
        ),
        { maxKeys: 6 },
      ) as fc.Arbitrary<Tree>,
    }))
    const entriesOf = (folder: Tree, path = ''): RofsEntry[] =>
      Object.entries(folder).flatMap(([own, value]): RofsEntry[] => {
        const at = `${path}/${own}`
        if (typeof value === 'string') return [{ path: at, link: value }]
        if (Buffer.isBuffer(value)) return [{ path: at, content: value }]
        return [{ path: at, folder: true }, ...entriesOf(value, at)]
      })
    fc.assert(
      fc.property(tree, (content) => {
        expect(readDisk(written(entriesOf(content)))).toEqual({ ...content })
      }),
      { numRuns: 30 },
    )
  })

  it('is not written over a file, and not with two files of one path or a file below a file', () => {
    const target = join(folder, 'taken')
    writeFileSync(target, 'mine')
    expect(() => writeRofsDisk(target, [])).toThrow('EEXIST')
    expect(statSync(target).size).toBe(4)
    const file = { path: '/a', content: Buffer.alloc(1) }
    expect(() => written([file, file])).toThrow('two entries /a')
    expect(() => written([file, { path: '/a/b', content: Buffer.alloc(1) }])).toThrow('/a/b is below /a')
  })
})
