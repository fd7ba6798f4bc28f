/** One entry of an archive that the kernel unpacks into its initial root file system. */
export interface CpioEntry {
  /** Without a slash in front: `dev/console`. Folders come before what is in them. */
  readonly path: string
  /** Type and permissions as in stat(2): 0o100755 is a program. */
  readonly mode: number
  readonly content?: Uint8Array
  /** Of a character device: major and minor number. */
  readonly device?: readonly [number, number]
}

/** The file types of stat(2). */
export const fileType = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const

const hex = (value: number) => value.toString(16).padStart(8, '0').toUpperCase()
const padded = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

function encode({ path, mode, content = new Uint8Array(), device = [0, 0] }: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, name.length, 0]
  // Header and name are padded together.
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), name])),
    padded(content),
  ])
}

/**
 * An archive in the "newc" format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's sources. Times
 * and owners are zero, so the same entries give the same bytes.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }]
  return Buffer.concat(all.map((entry, at) => encode(entry, at + 1)))
}
