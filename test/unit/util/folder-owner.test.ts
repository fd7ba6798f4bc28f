import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeFolder, writeFileAtomic, writeNewFile } from '../../../src/util/files.ts'
import { createFile, createFolder } from '../../../src/util/folder-owner.ts'
import { writeOutput, writeParts } from '../../../src/util/outputs.ts'

/** Runs before the next folder of another user is opened, as that user would change it in this moment. */
let beforeOpen: (() => void) | undefined
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const openSync: typeof fs.openSync = (path, flags, mode) => {
    if (typeof flags === 'number' && (flags & real.constants.O_NOFOLLOW) !== 0) {
      beforeOpen?.()
      beforeOpen = undefined
    }
    return real.openSync(path, flags, mode)
  }
  return { ...real, openSync, default: { ...real, openSync } }
})

const { chmodSync, chownSync, closeSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } = fs

const [uid, gid] = [4321, 4322]
let root: string
const path = (...names: string[]) => join(root, ...names)
const owner = (...names: string[]) => {
  const found = lstatSync(path(...names))
  return [found.uid, found.gid]
}
/** A folder of another user. */
function userFolder(mode = 0o755): void {
  mkdirSync(path('user'))
  chownSync(path('user'), uid, gid)
  chmodSync(path('user'), mode)
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
})
afterEach(() => {
  beforeOpen = undefined
  rmSync(root, { recursive: true })
})

describe.runIf(process.getuid?.() === 0)('what root creates in a folder of another user', () => {
  it.each([
    ['a report', () => writeOutput(path('user', 'file'), 'text')],
    ['a bench file', () => writeParts(path('user', 'file'), ['te', 'xt'])],
    ['a file that a reporter writes in parts', () => closeSync(createFile(path('user', 'file')))],
    ['a file of init', () => writeNewFile(path('user', 'file'), 'text')],
    ['a file of isobench', () => writeFileAtomic(path('user', 'file'), 'text')],
  ])('belongs to that user: %s', (_what, write) => {
    userFolder()
    write()
    expect(owner('user', 'file')).toEqual([uid, gid])
  })

  it('belongs to that user with all new folders above it', () => {
    userFolder()
    writeOutput(path('user', 'a', 'b', 'file'), 'text')
    expect([['a'], ['a', 'b'], ['a', 'b', 'file']].map((names) => owner('user', ...names))).toEqual(
      Array(3).fill([uid, gid]),
    )
  })

  it('keeps the mode of the umask', () => {
    userFolder()
    const before = process.umask(0o027)
    try {
      writeOutput(path('user', 'a', 'file'), 'text')
    } finally {
      process.umask(before)
    }
    expect([statSync(path('user', 'a')).mode & 0o777, statSync(path('user', 'a', 'file')).mode & 0o777]).toEqual([
      0o750, 0o640,
    ])
  })

  it('belongs to root in a folder that all users share, such as /tmp, and in one of root', () => {
    userFolder(0o1777)
    writeOutput(path('user', 'a', 'file'), 'text')
    writeOutput(path('mine', 'file'), 'text')
    expect([owner('user', 'a'), owner('user', 'a', 'file'), owner('mine', 'file')]).toEqual(Array(3).fill([0, 0]))
  })

  it('leaves an existing file to its owner, with its mode', () => {
    userFolder()
    fs.writeFileSync(path('user', 'file'), 'old', { mode: 0o600 })
    writeOutput(path('user', 'file'), 'new')
    expect([fs.readFileSync(path('user', 'file'), 'utf8'), owner('user', 'file')]).toEqual(['new', [0, 0]])
    expect(statSync(path('user', 'file')).mode & 0o777).toBe(0o600)
  })

  it('belongs to the owner of the folder that a link leads to', () => {
    userFolder()
    mkdirSync(path('mine'))
    fs.symlinkSync(path('mine', 'file'), path('user', 'link'))
    writeOutput(path('user', 'link'), 'text')
    expect(owner('mine', 'file')).toEqual([0, 0])
  })
})

describe.runIf(process.getuid?.() === 0)('a user who replaces a new folder', () => {
  it.each([
    ['by a link', () => fs.symlinkSync(path('secret'), path('user', 'new'))],
    ["by a folder of root with root's files", () => renameSync(path('user', 'secret'), path('user', 'new'))],
  ])('gets no folder of root: %s', (_how, replace) => {
    userFolder()
    for (const folder of [path('secret'), path('user', 'secret')]) {
      mkdirSync(folder, { mode: 0o700 })
      fs.writeFileSync(join(folder, 'key'), 'secret')
    }
    let isReplaced = false
    beforeOpen = () => {
      rmSync(path('user', 'new'), { recursive: true })
      replace()
      isReplaced = true
    }
    createFolder(path('user', 'new'))
    expect(isReplaced).toBe(true)
    expect([owner('secret'), statSync(path('user', 'new')).uid]).toEqual([[0, 0], 0])
  })

  it('gets no folder elsewhere if it replaces the folder above by a link', () => {
    userFolder()
    makeFolder(path('user', 'above'))
    mkdirSync(path('elsewhere', 'new'), { recursive: true })
    beforeOpen = () => {
      renameSync(path('user', 'above'), path('user', 'moved'))
      fs.symlinkSync(path('elsewhere'), path('user', 'above'))
    }
    createFolder(path('user', 'above', 'new'))
    expect([owner('elsewhere', 'new'), owner('user', 'moved', 'new')]).toEqual([
      [0, 0],
      [uid, gid],
    ])
  })
})

describe('a refusal of the kernel', () => {
  it.runIf(process.getuid?.() === 0)('names the path of the caller in a folder of another user', () => {
    userFolder()
    mkdirSync(path('user', 'there'))
    for (const create of [createFile, createFolder])
      expect(() => create(path('user', 'there'))).toThrow(
        expect.objectContaining({
          code: 'EEXIST',
          path: path('user', 'there'),
          message: expect.stringMatching(new RegExp(`'${path('user', 'there')}'$`)),
        }),
      )
  })

  it('leaves a link in the place of a new file', () => {
    fs.symlinkSync('nothing', path('link'))
    expect(() => createFile(path('link'))).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(fs.readlinkSync(path('link'))).toBe('nothing')
  })
})
