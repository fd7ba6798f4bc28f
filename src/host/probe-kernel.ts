/**
 * A guest "kernel" of a few hundred bytes, which measures how long a VMM takes to start. It prints a marker to the
 * serial port, counts down, prints another marker and resets the VM.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestSandbox } from './sandbox.ts'

/** Load address in guest memory: above firmware and the devices of the first megabyte. */
export const loadAddress = 0x100000

/** XEN_ELFNOTE_PHYS32_ENTRY in xen/include/public/elfnote.h. */
const pvhEntry = 18

/**
 * Creates a static x86-64 ELF with one segment at `loadAddress` that contains `code` (System V ABI, "Object Files"). A
 * host can run it as a program, and a VMM can boot it as a kernel.
 * @param entries offsets into `code`. `long` is entered in 64-bit mode: the ELF entry, used by Firecracker and by a
 * host process. `pvh` is entered in 32-bit protected mode: the PVH boot protocol, used by QEMU and Cloud Hypervisor.
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

/** What the probe kernel writes to the first serial port before and after it counts down. */
export const serialMarkers = { begun: 'B', done: 'D' } as const

/**
 * COM1, QEMU's isa-debug-exit, Cloud Hypervisor's ACPI sleep control, and the keyboard controller, which resets the VM.
 */
const ports = { serial: 0x3f8, debugExit: 0xf4, sleep: 0x600, keyboard: 0x64 } as const

/** `mov dx, port; mov al, value; out dx, al`: the same bytes in 32-bit and 64-bit mode. */
const out = (port: number, value: number) => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee]

/** `mov ecx, count; 1: dec ecx; jnz 1b`: also the same bytes in both modes. */
export const loop = (count: number): number[] => [
  ...[0xb9, count & 255, (count >>> 8) & 255, (count >>> 16) & 255, (count >>> 24) & 255],
  ...[0xff, 0xc9, 0x75, 0xfc],
]

/**
 * Creates the probe kernel. It uses no stack, memory or interrupts, and its code is the same in 32-bit and 64-bit mode,
 * so every VMM can enter it in its own way.
 * @param count number of iterations, at least 1
 */
export function probeKernel(count: number): Buffer {
  const code = Buffer.from([
    ...out(ports.serial, serialMarkers.begun.charCodeAt(0)),
    ...loop(count),
    ...out(ports.serial, serialMarkers.done.charCodeAt(0)),
    ...out(ports.serial, 10),
    // QEMU exits here. VMMs without this device ignore it.
    ...out(ports.debugExit, 0),
    // Sleep type 5 and the enable bit (ACPI, "Sleep Control Register"). Cloud Hypervisor would reboot the guest on a
    // reset.
    ...out(ports.sleep, (5 << 2) | (1 << 5)),
    ...out(ports.keyboard, 0xfe),
    // Halt in a loop, if nothing above ended the VM.
    ...[0xf4, 0xeb, 0xfd],
  ])
  return elf(code, { long: 0, pvh: 0 })
}

/** Creates a host program with the same loop: `mov eax, 231 (exit_group); xor edi, edi; syscall` ends it. */
export const probeProgram = (count: number): Buffer =>
  elf(Buffer.from([...loop(count), 0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]), { long: 0, pvh: 0 })

/** Memory of the VM that runs the probe kernel, in MiB. The same for every VMM. */
export const probeKernelMiB = 128

/** Writes the probe kernel into the sandbox and returns its path. It counts only once, so that it ends immediately. */
export function writeProbeKernel({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string {
  const file = join(directory, 'floor')
  writeFileSync(file, probeKernel(1))
  return file
}

/**
 * Returns whether the guest ran to its end, given the output of its serial port. Firmware may have printed text before.
 */
export const ranToCompletion = (serial: string): boolean =>
  new RegExp(`${serialMarkers.begun}${serialMarkers.done}\\s*$`).test(serial)
