import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bytesBelow, DataLimit } from '../../../src/host/data-limit.ts'

const MiB = 1024 ** 2
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const fill = (name: string, mebibytes: number) => writeFileSync(join(folder, name), Buffer.alloc(mebibytes * MiB, 1))

test('ends a guest with more in /data than the limit, again until it is gone, and none with less', () => {
  const end = vi.fn()
  mkdirSync(join(folder, 'below'))
  using limit = new DataLimit(folder, 48 * MiB, end)
  limit.look()
  fill('a', 24)
  limit.look()
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([false, 0])
  fill('below/b', 40)
  limit.look()
  limit.look()
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([true, 2])
})

test('counts the blocks of all files, and nothing for a folder that is gone', () => {
  mkdirSync(join(folder, 'below'))
  fill('a', 1)
  fill('below/b', 2)
  expect(bytesBelow(folder)).toBeGreaterThanOrEqual(3 * MiB)
  expect(bytesBelow(folder)).toBeLessThan(3.5 * MiB)
  expect(bytesBelow(join(folder, 'nothing'))).toBe(0)
})
