/** Writes disks with ROFS, the read-only file system of OSv. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { fileType } from './initramfs.ts'

/** A file, link or folder of the disk, with its absolute path in the guest. Missing parent folders are created. */
export type RofsEntry =
  | { readonly path: string; readonly content: Uint8Array }
  | { readonly path: string; readonly file: string }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly folder: true }

/**
 * The layout is that of OSv 0.57 (`fs/rofs/rofs.hh`, `scripts/gen-rofs-img.py`), in blocks of 512 bytes: super block,
 * content of the files, and tables of directory entries, links and inodes. Numbers are little-endian with 64 bits, and
 * the lengths of names have 16 bits.
 */
const blockSize = 512
const [magic, version] = [0xdeadbeadn, 1n]

/** OSv mounts the second entry of the partition table (`/dev/vblk0.1`), which begins here. */
const partitionBlock = 2048
const partitionEntry = 0x1be + 16

interface Folder {
  readonly children: Map<string, Folder | Exclude<RofsEntry, { folder: true }>>
}

/** Adds the entries to folders. Sorted, so that the same entries result in the same disk. */
function folderOf(entries: readonly RofsEntry[]): Folder {
  const root: Folder = { children: new Map() }
  for (const entry of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const names = entry.path.split('/').filter(Boolean)
    const last = 'folder' in entry ? undefined : names.pop()
    let folder = root
    for (const name of names) {
      const child = folder.children.get(name) ?? { children: new Map() }
      if (!('children' in child)) throw new Error(`${entry.path} is below ${child.path}, which is not a folder.`)
      folder.children.set(name, child)
      folder = child
    }
    if (last === undefined || 'folder' in entry) continue
    if (folder.children.has(last)) throw new Error(`There are two entries ${entry.path}.`)
    folder.children.set(last, entry)
  }
  return root
}

const numbers = (...values: readonly (number | bigint)[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, index) => {
    bytes.writeBigUInt64LE(BigInt(value), index * 8)
  })
  return bytes
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** The super block and the tables. A folder's entries follow each other, after those of the folders in it. */
class Tables {
  private readonly inodes: { mode: number; offset: number; count: number }[] = []
  private readonly entries: Buffer[] = []
  private readonly links: Buffer[] = []

  /** Returns the number of an inode, from 1 on. */
  addInode(mode: number, offset: number, count: number): number {
    return this.inodes.push({ mode, offset, count })
  }

  addLink(target: string): number {
    return this.addInode(fileType.link, this.links.push(text(target)) - 1, 1)
  }

  /** Adds a folder, and its children with `add`. The root is the first one, because OSv mounts the first inode. */
  addFolder({ children }: Folder, add: (child: Folder | Exclude<RofsEntry, { folder: true }>) => number): number {
    const number = this.addInode(fileType.folder, 0, children.size)
    const own = [...children].map(([name, child]) => Buffer.concat([numbers(add(child)), text(name)]))
    this.inodes[number - 1]!.offset = this.entries.length
    this.entries.push(...own)
    return number
  }

  /** Returns the tables and the super block for tables that begin at this block. */
  bytes(firstBlock: number): { readonly tables: Buffer; readonly superBlock: Buffer } {
    const inodes = this.inodes.map(({ mode, offset, count }, index) => numbers(mode, index + 1, offset, count))
    const tables = Buffer.concat([...this.entries, ...this.links, ...inodes])
    const counts = [this.entries.length, this.links.length, inodes.length]
    return { tables, superBlock: numbers(magic, version, blockSize, firstBlock, blocksOf(tables), ...counts) }
  }
}

const blocksOf = ({ length }: { readonly length: number }): number => Math.ceil(length / blockSize)

/** A partition table with Linux's type (0x83) in the second entry. OSv ignores an entry without a start sector. */
function partitionTable(blocks: number): Buffer {
  const bytes = Buffer.alloc(blockSize)
  // Cylinder 0, head 32 and sector 33 are block 2048 of a disk with 63 sectors per track. The end is out of range.
  Buffer.from([0, 32, 33, 0, 0x83, 0xfe, 0xff, 0xff]).copy(bytes, partitionEntry)
  bytes.writeUInt32LE(partitionBlock, partitionEntry + 8)
  bytes.writeUInt32LE(blocks, partitionEntry + 12)
  bytes.writeUInt16LE(0xaa55, 510)
  return bytes
}

/**
 * Writes a raw disk with a partition of ROFS. Owners, permissions and times do not exist in ROFS.
 * @param target a file that does not exist yet
 * @throws {Error} if two entries have the same path, or if one is below a file
 */
export function writeRofsDisk(target: string, entries: readonly RofsEntry[]): void {
  const disk = openSync(target, 'wx', 0o600)
  const put = (bytes: Uint8Array, block: number) => {
    for (let done = 0; done < bytes.length; )
      done += writeSync(disk, bytes, done, bytes.length - done, block * blockSize + done)
  }
  try {
    const tables = new Tables()
    let next = 1
    const add = (child: Folder | Exclude<RofsEntry, { folder: true }>): number => {
      if ('children' in child) return tables.addFolder(child, add)
      if ('link' in child) return tables.addLink(child.link)
      const content = 'file' in child ? readFileSync(child.file) : child.content
      const first = next
      put(content, partitionBlock + first)
      next += blocksOf(content)
      return tables.addInode(fileType.file, first, content.length)
    }
    tables.addFolder(folderOf(entries), add)
    const { tables: bytes, superBlock } = tables.bytes(next)
    put(bytes, partitionBlock + next)
    put(superBlock, partitionBlock)
    // OSv reads ahead in units of 32 KiB. Whole MiB keep the last unit inside of the disk.
    const blocks = Math.ceil((next + blocksOf(bytes)) / 2048) * 2048
    put(partitionTable(blocks), 0)
    ftruncateSync(disk, (partitionBlock + blocks) * blockSize)
  } finally {
    closeSync(disk)
  }
}
