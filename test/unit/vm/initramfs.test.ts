import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { which } from '../../../src/host/packages.ts'
import { cpio, fileType } from '../../../src/vm/initramfs.ts'

const entries = [
  { path: 'bin', mode: fileType.folder | 0o755 },
  { path: 'bin/tool', mode: fileType.file | 0o755, content: Buffer.from('#!/bin/sh\n') },
  { path: 'empty', mode: fileType.file | 0o600 },
]

describe('an archive for the kernel', () => {
  it('has the fields, the padding and the end of the newc format', () => {
    const bytes = cpio([{ path: 'a', mode: fileType.file | 0o644, content: Buffer.from('xyz') }])
    const fields = ['1', '81A4', '0', '0', '1', '0', '3', '0', '0', '0', '0', '2', '0']
    const header = `070701${fields.map((field) => field.padStart(8, '0')).join('')}`
    expect(bytes.toString('latin1', 0, 116)).toBe(
      `${header}a\0\0\0\0\0`.slice(0, 112).padEnd(112, '\0').concat('xyz\0'),
    )
    expect(bytes.toString('latin1', 116)).toMatch(/^070701.{104}TRAILER!!!\0+$/)
    expect(bytes.length % 4).toBe(0)
  })

  it('is the same for the same entries', () => {
    expect(cpio(entries).equals(cpio(entries))).toBe(true)
  })

  it('is unpacked by another program', () => {
    const busybox = which('busybox')
    // Every machine that isobench runs on has it; one that only type-checks may not.
    if (!busybox) return
    const folder = mkdtempSync(join(tmpdir(), 'isobench-cpio-'))
    try {
      execFileSync(busybox, ['cpio', '-id'], { cwd: folder, input: cpio(entries), stdio: 'pipe' })
      expect(readdirSync(folder).sort()).toEqual(['bin', 'empty'])
      expect(readFileSync(join(folder, 'bin/tool'), 'utf8')).toBe('#!/bin/sh\n')
      expect(statSync(join(folder, 'bin/tool')).mode & 0o777).toBe(0o755)
      expect(statSync(join(folder, 'empty')).size).toBe(0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
