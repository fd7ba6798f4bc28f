import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { allowedBytes, bytesBelow, DataLimit } from '../../../src/host/data-limit.ts'
import { wrapHostCommands } from '../../../src/host/process.ts'

const MiB = 1024 ** 2
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

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

test('ends a guest with few files although others free the space that it takes, and at the end of a sample', () => {
  const end = vi.fn()
  mkdirSync(join(folder, 'guest'))
  fill('of-another-process', 64)
  using limit = new DataLimit(join(folder, 'guest'), 48 * MiB, end)
  rmSync(join(folder, 'of-another-process'))
  fill('guest/a', 64)
  for (let look = 0; look < 4; look++) limit.look()
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([true, 1])
  fill('of-another-process', 64)
  using other = new DataLimit(join(folder, 'guest'), 80 * MiB, end)
  rmSync(join(folder, 'of-another-process'))
  fill('guest/b', 64)
  other.lookAtEnd()
  expect([other.isExceeded, end.mock.calls.length]).toEqual([true, 2])
})

test('ends a guest with many files if the folder is too large, and not because others fill the disk', async () => {
  const end = vi.fn()
  mkdirSync(join(folder, 'guest/many'), { recursive: true })
  for (let file = 0; file < 10_000; file++) writeFileSync(join(folder, 'guest/many', String(file)), '')
  using limit = new DataLimit(join(folder, 'guest'), 48 * MiB, end)
  fill('of-another-process', 96)
  limit.look()
  await limit.measured
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([false, 0])
  // The space that others took does not count again.
  fill('guest/a', 24)
  limit.look()
  await limit.measured
  expect(limit.isExceeded).toBe(false)
  fill('guest/b', 72)
  limit.look()
  await limit.measured
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([true, 1])
})

test('ends no guest that has been removed while its folder was measured', async () => {
  const end = vi.fn()
  mkdirSync(join(folder, 'many'))
  for (let file = 0; file < 10_000; file++) writeFileSync(join(folder, 'many', String(file)), '')
  const limit = new DataLimit(folder, 48 * MiB, end)
  fill('a', 96)
  limit.look()
  limit[Symbol.dispose]()
  await limit.measured
  expect([limit.isExceeded, end.mock.calls.length]).toEqual([false, 0])
})

test('leaves no process that measures the folder of a guest that has been removed', async () => {
  const [programs, pid] = [join(folder, 'programs'), join(folder, 'pid')]
  mkdirSync(programs)
  writeFileSync(join(programs, 'du'), `#!/bin/sh\necho $$ >${pid}.new && mv ${pid}.new ${pid}\nexec sleep 600\n`, {
    mode: 0o755,
  })
  vi.stubEnv('PATH', `${programs}:${process.env.PATH}`)
  mkdirSync(join(folder, 'many'))
  for (let file = 0; file < 10_000; file++) writeFileSync(join(folder, 'many', String(file)), '')
  const limit = new DataLimit(folder, 48 * MiB, vi.fn())
  fill('a', 96)
  limit.look()
  await vi.waitFor(() => expect(existsSync(pid)).toBe(true), 10_000)
  limit[Symbol.dispose]()
  await limit.measured
  const isRunning = () => existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`)
  await vi.waitFor(() => expect(isRunning()).toBe(false), 10_000)
})

test('measures in the cgroup of the run, so that a clean after a kill ends the process', async () => {
  const wrapped: string[] = []
  using _wrapping = wrapHostCommands((argv) => {
    wrapped.push(argv[0])
    return argv
  })
  mkdirSync(join(folder, 'many'))
  for (let file = 0; file < 10_000; file++) writeFileSync(join(folder, 'many', String(file)), '')
  using limit = new DataLimit(folder, 48 * MiB, vi.fn())
  fill('a', 96)
  limit.look()
  await limit.measured
  expect([limit.isExceeded, wrapped]).toEqual([true, ['du']])
})

test('ends no guest if the folder is gone', () => {
  const gone = join(folder, 'gone')
  mkdirSync(gone)
  using limit = new DataLimit(gone, MiB, vi.fn())
  rmSync(gone, { recursive: true })
  limit.look()
  expect(limit.isExceeded).toBe(false)
})

test('leaves 256 MiB of the disk free, and allows 16 MiB on a full one', () => {
  expect(allowedBytes(1024 * MiB, 4096 * MiB)).toBe(1024 * MiB)
  expect(allowedBytes(1024 * MiB, 1024 * MiB)).toBe(768 * MiB)
  expect(allowedBytes(1024 * MiB, 100 * MiB)).toBe(16 * MiB)
})

test('counts the blocks of all files, and nothing for a folder that is gone', () => {
  mkdirSync(join(folder, 'below'))
  fill('a', 1)
  fill('below/b', 2)
  expect(bytesBelow(folder, 4)).toBeGreaterThanOrEqual(3 * MiB)
  expect(bytesBelow(folder, 4)).toBeLessThan(3.5 * MiB)
  expect(bytesBelow(folder, 3)).toBeUndefined()
  expect(bytesBelow(join(folder, 'nothing'), 1)).toBe(0)
})

test('does not count a file as nothing that it cannot look at', () => {
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])]), 'content')
  expect(bytesBelow(folder, 10)).toBeUndefined()
})
