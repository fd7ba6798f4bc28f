import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestSandbox } from './sandbox.ts'

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

/** What a tiny guest writes to the first serial port before it counts, and after. */
export const serialMarkers = { begun: 'B', done: 'D' } as const

/**
 * Ports: COM1, QEMU's isa-debug-exit, Cloud Hypervisor's ACPI sleep control, and the keyboard controller, whose pulse resets the
 * machine.
 */
const ports = { serial: 0x3f8, debugExit: 0xf4, sleep: 0x600, keyboard: 0x64 } as const

/** `mov dx, port; mov al, value; out dx, al`: the same bytes in 32-bit and in 64-bit mode. */
const out = (port: number, value: number) => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee]

/** `mov ecx, count; 1: dec ecx; jnz 1b`: as well the same in both modes. */
export const loop = (count: number): number[] => [
  ...[0xb9, count & 255, (count >>> 8) & 255, (count >>> 16) & 255, (count >>> 24) & 255],
  ...[0xff, 0xc9, 0x75, 0xfc],
]

/**
 * A "kernel" of a few hundred bytes: it says that it has begun, counts `count` down in kernel mode, says that it is done, and
 * resets the machine. It uses no stack, no memory and no interrupt, and all its code is the same in 32-bit and 64-bit mode, so
 * each monitor may enter it in its own way.
 * @param count At least 1.
 */
export function probeKernel(count: number): Buffer {
  const code = Buffer.from([
    ...out(ports.serial, serialMarkers.begun.charCodeAt(0)),
    ...loop(count),
    ...out(ports.serial, serialMarkers.done.charCodeAt(0)),
    ...out(ports.serial, 10),
    // Where there is such a device: QEMU ends at once.
    ...out(ports.debugExit, 0),
    // Sleep type 5, and to enter it (ACPI, "Sleep Control Register"): a reset would boot the guest again.
    ...out(ports.sleep, (5 << 2) | (1 << 5)),
    ...out(ports.keyboard, 0xfe),
    // hlt; jmp to it
    ...[0xf4, 0xeb, 0xfd],
  ])
  return elf(code, { long: 0, pvh: 0 })
}

/** A program of the host's that counts the same loop down and ends: `mov eax, 231 (exit_group); xor edi, edi; syscall`. */
export const probeProgram = (count: number): Buffer =>
  elf(Buffer.from([...loop(count), 0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]), { long: 0, pvh: 0 })

/** MiB of the guest by which a monitor's own cost is told: the same on each. */
export const probeKernelMiB = 128

/** Writes the guest to a place; resolves with the file. It counts but once: there is nothing to wait for in it. */
export function writeProbeKernel({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string {
  const file = join(directory, 'floor')
  writeFileSync(file, probeKernel(1))
  return file
}

/** Whether a serial port's output is that of a guest that ran to its end. Firmware may have written to it before. */
export const ranToCompletion = (serial: string): boolean =>
  new RegExp(`${serialMarkers.begun}${serialMarkers.done}\\s*$`).test(serial)
