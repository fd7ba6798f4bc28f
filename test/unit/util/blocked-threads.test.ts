import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hasBlockedThread } from '../../../src/util/blocked-threads.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-blocked-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('hasBlockedThread', () => {
  it('is true while a FIFO has no writer', async () => {
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    const read = readFile(fifo, 'utf8')
    expect(await hasBlockedThread()).toBe(true)
    writeFileSync(fifo, 'text')
    expect(await read).toBe('text')
    expect(await hasBlockedThread()).toBe(false)
  })

  it('is false while code reads files one after the other', async () => {
    let isOver = false
    const reading = (async () => {
      while (!isOver) await readFile(import.meta.filename)
    })()
    expect(await hasBlockedThread()).toBe(false)
    isOver = true
    await reading
  })
})
