import { HostError } from '../../errors.ts'
import { decompress } from './decompress.ts'

const elfMagic = '7f454c46'

export const isElf = (bytes: Buffer): boolean => bytes.subarray(0, 4).toString('hex') === elfMagic

/**
 * The uncompressed kernel, an ELF, in a bzImage. Where it is says the setup header, since version 2.08 of the boot protocol:
 * Documentation/arch/x86/boot.rst, `setup_sects` at 0x1f1, `HdrS` at 0x202, `payload_offset` at 0x248 and its length after it.
 * @throws MachineError when these bytes are no such kernel.
 */
export function vmlinuxOf(image: Buffer): Buffer {
  if (isElf(image)) return image
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS' || image.readUInt16LE(0x206) < 0x208) {
    throw new HostError('this is neither a vmlinux nor a bzImage of the boot protocol 2.08 or later')
  }
  // Nought stands for four.
  const sectors = image.readUInt8(0x1f1) || 4
  const start = (sectors + 1) * 512 + image.readUInt32LE(0x248)
  // The last four bytes are the length of what comes out, which gzip has too and the others do not expect.
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c))
  const kernel = decompress(payload.subarray(0, payload.subarray(0, 2).toString('hex') === '1f8b' ? undefined : -4))
  if (!isElf(kernel))
    throw new HostError('the kernel in this bzImage is compressed in a way that isobench does not know')
  return kernel
}
