/** A static x86-64 program that makes the system calls with these numbers and ends, in base64. */
export function elfOf(calls: readonly number[]): string {
  const immediate = (value: number) => [value & 255, (value >> 8) & 255, 0, 0]
  // mov eax, nr; xor edi, edi; xor esi, esi; xor edx, edx; syscall
  const call = (nr: number) => [0xb8, ...immediate(nr), 0x31, 0xff, 0x31, 0xf6, 0x31, 0xd2, 0x0f, 0x05]
  const exitGroup = 231
  const code = Buffer.from([...calls, exitGroup].flatMap(call))
  const base = 0x400000n
  const start = 64 + 56
  const header = Buffer.alloc(start)
  // elf(5): 64 bits, little-endian, an executable for machine 62 (x86-64), with one program header right behind.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(62, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(base + BigInt(start), 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  // PT_LOAD, readable and executable, all of the file.
  header.writeUInt32LE(1, 64)
  header.writeUInt32LE(5, 68)
  header.writeBigUInt64LE(base, 80)
  header.writeBigUInt64LE(base, 88)
  header.writeBigUInt64LE(BigInt(start + code.length), 96)
  header.writeBigUInt64LE(BigInt(start + code.length), 104)
  header.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([header, code]).toString('base64')
}
