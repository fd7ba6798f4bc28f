import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddress, probeKernel, probeProgram } from '../../../src/host/probe-kernel.ts'

describe('a guest of a few hundred bytes', () => {
  const guest = probeKernel(0x12345678)

  it('is an ELF of one loaded segment that holds its own headers', () => {
    expect(guest.length).toBeLessThan(512)
    expect(guest.subarray(0, 7).toString('hex')).toBe('7f454c46020101')
    expect([guest.readUInt16LE(16), guest.readUInt16LE(18), guest.readUInt16LE(56)]).toEqual([2, 62, 2])
    expect(Number(guest.readBigUInt64LE(64 + 16))).toBe(loadAddress)
    expect(Number(guest.readBigUInt64LE(64 + 32))).toBe(guest.length)
  })

  it('is entered at its code in 64-bit mode, and by its PVH note in 32-bit mode', () => {
    const [noteAt, noteSize] = [Number(guest.readBigUInt64LE(120 + 8)), Number(guest.readBigUInt64LE(120 + 32))]
    const note = guest.subarray(noteAt, noteAt + noteSize)
    expect([note.readUInt32LE(0), note.readUInt32LE(4), note.readUInt32LE(8)]).toEqual([4, 4, 18])
    expect(note.toString('latin1', 12, 16)).toBe('Xen\0')
    const code = noteAt + noteSize
    expect(note.readUInt32LE(16)).toBe(loadAddress + code)
    expect(Number(guest.readBigUInt64LE(24))).toBe(loadAddress + code)
    // mov dx, 0x3f8; mov al, 'B'; out dx, al; mov ecx, count
    expect(guest.subarray(code, code + 12).toString('hex')).toBe('66baf803b042eeb978563412')
  })

  it('counts the loop that a process of the host can run as well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-tiny-'))
    try {
      const file = join(folder, 'program')
      writeFileSync(file, probeProgram(1000), { mode: 0o755 })
      expect(spawnSync(file)).toMatchObject({ status: 0, signal: null })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
