import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, it } from 'vitest'
import { endWorker, hasBlockedThread } from '../../../src/util/blocked-threads.ts'

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

  it('is false when a worker that is to end has finished its computation', async () => {
    const code = "require('node:crypto').pbkdf2('a', 'b', 3e6, 64, 'sha512', () => {})"
    const worker = new Worker(code, { eval: true })
    await once(worker, 'online')
    endWorker(worker)
    expect(await hasBlockedThread()).toBe(false)
    expect(worker.threadId).toBe(-1)
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
