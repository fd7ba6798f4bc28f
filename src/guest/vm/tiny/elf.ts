/** Where the code of a tiny guest is in its memory: above what firmware and the first megabyte's devices use. */
export const loadAddress = 0x100000

/** Of notes: XEN_ELFNOTE_PHYS32_ENTRY in xen/include/public/elfnote.h. */
const pvhEntry = 18

/**
 * A static x86-64 ELF of one segment at `origin` that holds `code`: System V ABI, "Object Files". A host runs it as a program; a
 * monitor boots it as a kernel by either of its entries.
 * @param entries Offsets into `code`: `long` is entered in 64-bit mode (the ELF's own entry: Firecracker, and a host's
 * process), `pvh` in 32-bit protected mode (the PVH boot protocol: QEMU, Cloud Hypervisor).
 */
export function elf(code: Buffer, entries: { readonly long: number; readonly pvh: number }): Buffer {
  const [header, programHeader] = [64, 56]
  const note = Buffer.alloc(20)
  note.writeUInt32LE(4, 0)
  note.writeUInt32LE(4, 4)
  note.writeUInt32LE(pvhEntry, 8)
  note.write('Xen\0', 12, 'latin1')
  const start = header + 2 * programHeader + note.length
  note.writeUInt32LE(loadAddress + start + entries.pvh, 16)
  const size = start + code.length

  const elfHeader = Buffer.alloc(header)
  // Magic, 64 bits, little endian, version 1.
  elfHeader.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  elfHeader.writeUInt16LE(2, 16) // ET_EXEC
  elfHeader.writeUInt16LE(62, 18) // EM_X86_64
  elfHeader.writeUInt32LE(1, 20)
  elfHeader.writeBigUInt64LE(BigInt(loadAddress + start + entries.long), 24)
  elfHeader.writeBigUInt64LE(BigInt(header), 32)
  elfHeader.writeUInt16LE(header, 52)
  elfHeader.writeUInt16LE(programHeader, 54)
  elfHeader.writeUInt16LE(2, 56)

  const segment = (type: number, flags: number, offset: number, length: number, align: number) => {
    const bytes = Buffer.alloc(programHeader)
    bytes.writeUInt32LE(type, 0)
    bytes.writeUInt32LE(flags, 4)
    bytes.writeBigUInt64LE(BigInt(offset), 8)
    bytes.writeBigUInt64LE(BigInt(loadAddress + offset), 16)
    bytes.writeBigUInt64LE(BigInt(loadAddress + offset), 24)
    bytes.writeBigUInt64LE(BigInt(length), 32)
    bytes.writeBigUInt64LE(BigInt(length), 40)
    bytes.writeBigUInt64LE(BigInt(align), 48)
    return bytes
  }
  // PT_LOAD, readable and executable; PT_NOTE, readable.
  const load = segment(1, 5, 0, size, 4096)
  const notes = segment(4, 4, header + 2 * programHeader, note.length, 4)
  return Buffer.concat([elfHeader, load, notes, note, code])
}
