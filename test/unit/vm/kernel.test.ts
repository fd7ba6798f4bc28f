import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { modulesFor } from '../../../src/vm/initramfs.ts'
import { vmlinuxOf } from '../../../src/vm/kernel.ts'

const elf = Buffer.concat([Buffer.from('7f454c46', 'hex'), Buffer.alloc(600, 7)])

/** A bzImage with three sectors of setup and the payload 64 bytes after it. */
function bzImage(payload: Buffer, { magic = 'HdrS', version = 0x20f } = {}): Buffer {
  const image = Buffer.concat([Buffer.alloc(4 * 512 + 64), payload, Buffer.alloc(100, 1)])
  image.writeUInt8(3, 0x1f1)
  image.write(magic, 0x202, 'latin1')
  image.writeUInt16LE(version, 0x206)
  image.writeUInt32LE(64, 0x248)
  image.writeUInt32LE(payload.length, 0x24c)
  return image
}

describe('the kernel in a bzImage', () => {
  it('is found where the setup header says and unpacked', () => {
    expect(vmlinuxOf(bzImage(gzipSync(elf))).equals(elf)).toBe(true)
  })

  it('is a vmlinux itself when that is given', () => {
    expect(vmlinuxOf(elf)).toBe(elf)
  })

  it.each([
    ['too short', Buffer.alloc(100)],
    ['without the magic of a setup header', bzImage(gzipSync(elf), { magic: 'Nope' })],
    ['of a boot protocol without a payload', bzImage(gzipSync(elf), { version: 0x207 })],
    ['with something else inside', bzImage(gzipSync(Buffer.from('no kernel')))],
    ['with a payload beyond its end', bzImage(Buffer.alloc(0))],
  ])('is refused: %s', (_, image) => {
    expect(() => vmlinuxOf(image)).toThrow(/vmlinux|compression/)
  })
})

describe("a kernel's modules", () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-modules-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const module = (path: string, ...needs: string[]) => {
    const file = join(folder, 'kernel', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `ELF\0license=GPL\0depends=${needs.join(',')}\0name=x\0`)
  }
  const names = () => modulesFor(folder).map(({ name }) => name)

  it('come each after those that it needs, and none that a guest does not', () => {
    module('drivers/net/virtio_net.ko', 'net_failover')
    module('drivers/net/net_failover.ko', 'failover')
    module('net/core/failover.ko')
    module('drivers/block/virtio_blk.ko')
    module('drivers/gpu/drm/i915.ko')
    expect(names()).toEqual(['virtio_blk', 'failover', 'net_failover', 'virtio_net'])
  })

  it('may be spelt with a hyphen, and be built in', () => {
    module('drivers/char/hw_random/virtio-rng.ko', 'rng-core')
    writeFileSync(join(folder, 'modules.builtin'), 'kernel/drivers/char/hw_random/rng-core.ko\n')
    expect(names()).toEqual(['virtio_rng'])
  })

  it('are refused when one needs another that is not there', () => {
    module('fs/fuse/virtiofs.ko', 'fuse')
    expect(names).toThrow('virtiofs needs fuse')
  })
})
