import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  assertWritable,
  makeDataFolder,
  makeFolderWithMode,
  makeGuestFolder,
  openToUnprivileged,
  refuseFile,
} from '../../../src/host/guest-folder.ts'
import { HostError } from '../../../src/util/errors.ts'

const isRoot = process.getuid?.() === 0
let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  vi.stubEnv('ISOBENCH_STATE', state)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(state, { recursive: true })
})

const access = (path: string) => {
  const { mode, uid, gid } = statSync(path)
  return [(mode & 0o7777).toString(8), uid, gid]
}

test.runIf(isRoot)('only root can enter the folder of a guest, whatever the umask is', () => {
  for (const umask of [0, 0o077]) {
    const former = process.umask(umask)
    try {
      const folder = makeGuestFolder(`guest-${umask}`)
      expect(access(join(state, 'guests'))).toEqual(['710', 0, 65519])
      expect(access(folder)).toEqual(['700', 0, 0])
      // Users in the guest reach it through their mount at /data.
      expect(access(makeDataFolder(folder))).toEqual(['755', 0, 0])
    } finally {
      process.umask(former)
    }
  }
})

test.runIf(isRoot)('the user of rootless podman can pass through the folder of its guest, and nobody else', () => {
  const folder = makeGuestFolder('guest')
  openToUnprivileged(folder)
  expect(access(folder)).toEqual(['710', 0, 65519])
})

test.each([0, 0o022, 0o077])('with the umask %i, a folder has exactly its mode, and its new parents 755', (umask) => {
  const former = process.umask(umask)
  try {
    for (const mode of [0o700, 0o777]) {
      const folder = join(state, `parent-${mode}`, 'folder')
      makeFolderWithMode(folder, mode)
      expect(access(folder)[0]).toBe(mode.toString(8))
      expect(access(join(state, `parent-${mode}`))[0]).toBe('755')
    }
  } finally {
    process.umask(former)
  }
})

const errorOf = (work: () => void): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

test('refuseFile refuses a file and what is below one, as assertWritable does, and no folder or nothing', () => {
  const file = join(state, 'a file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'below')]) {
    const error = errorOf(() => refuseFile(path, 'ISOBENCH_STATE'))
    expect(error).toBeInstanceOf(HostError)
    expect(error).toEqual(errorOf(() => assertWritable(path, 'ISOBENCH_STATE')))
  }
  for (const path of [state, join(state, 'nothing', 'here')])
    expect(errorOf(() => refuseFile(path, 'ISOBENCH_STATE'))).toBeUndefined()
})
