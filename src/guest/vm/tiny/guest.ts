import { elf } from './elf.ts'

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
