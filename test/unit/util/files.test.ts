import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  LineWriter,
  makeFolder,
  pseudoRefusal,
  temporaryName,
  WriteError,
  writeFileAtomic,
  writeProblem,
} from '../../../src/util/files.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-files-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a refusal of the kernel', () => {
  it.each([
    ...['EACCES', 'EBUSY', 'EDQUOT', 'EFBIG', 'EINVAL', 'EIO', 'EISDIR', 'ELOOP', 'EMFILE', 'ENAMETOOLONG', 'ENFILE'],
    ...['ENODEV', 'ENOENT', 'ENOSPC', 'ENOTDIR', 'ENXIO', 'EPERM', 'EROFS', 'ETXTBSY'],
  ])('%s of a write is in words, with a fix and the file', (code) => {
    const raw = Object.assign(new Error(`${code}: raw text, open '/a/b.tmp'`), { code })
    const error = writeProblem('/a/b', raw) as WriteError
    expect(error).toBeInstanceOf(WriteError)
    expect(error.message).toMatch(/^\/a\/b cannot be written: [a-z ',-]+$/i)
    expect(error.message).not.toContain(code)
    expect(error.fix).toMatch(/\w{3}/)
    expect(error.cause).toBe(raw)
  })
})

describe('a file system of the kernel', () => {
  it.each([
    ['proc', '/proc/self/comm'],
    ['proc', '/proc/no/folder/x'],
    ['sysfs', '/sys/x'],
  ])('holds no files of users: %s has no %s', (name, file) => {
    const why = `it is in ${name}, a file system of the kernel without files of users`
    expect(pseudoRefusal(file)).toEqual({ why, fix: 'use another path' })
    const raw = Object.assign(new Error('EACCES: raw text'), { code: 'EACCES' })
    expect(writeProblem(file, raw)).toMatchObject({ message: `${file} cannot be written: ${why}`, cause: raw })
  })

  it('has no descriptor that is not open', () => {
    expect(pseudoRefusal('/proc/self/fd/7777')).toEqual({
      why: 'no file is open as descriptor 7777',
      fix: 'open it in the command that starts isobench: 7777> FILE',
    })
  })

  it.each(['/dev/null', '/proc/self/cwd/x', '/no/folder/x'])('is not that of %s', (file) => {
    expect(pseudoRefusal(file)).toBeUndefined()
  })
})

describe('writeFileAtomic', () => {
  it('creates the folders, and replaces an older file', () => {
    const file = join(folder, 'a', 'b', 'file')
    writeFileAtomic(file, 'one')
    writeFileAtomic(file, Buffer.from('two'))
    expect(readFileSync(file, 'utf8')).toBe('two')
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['file'])
  })

  it('keeps the older file and no temporary one if it fails', () => {
    const target = join(folder, 'target')
    makeFolder(join(target, 'not empty'))
    expect(() => writeFileAtomic(target, 'text')).toThrow(`${target} cannot be written: it is a folder`)
    expect(readdirSync(target)).toEqual(['not empty'])
    expect(readdirSync(folder).filter((name) => name.startsWith('target'))).toEqual(['target'])
  })

  it('gives the new file the mode of the old one, whatever the umask is, and no set-uid bit', () => {
    const file = join(folder, 'shared')
    writeFileSync(file, 'one')
    for (const [mode, kept] of [
      [0o666, 0o666],
      [0o600, 0o600],
      [0o4755, 0o755],
    ] as const) {
      chmodSync(file, mode)
      writeFileAtomic(file, 'two')
      expect((statSync(file).mode & 0o7777).toString(8)).toBe(kept.toString(8))
    }
  })

  it.runIf(process.getuid?.() === 0)('leaves a file of another user to that user', () => {
    const file = join(folder, 'theirs')
    writeFileSync(file, 'one')
    chownSync(file, 65534, 65533)
    writeFileAtomic(file, 'two')
    const { uid, gid } = statSync(file)
    expect([readFileSync(file, 'utf8'), uid, gid]).toEqual(['two', 65534, 65533])
  })

  it('reports a file where a folder should be', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => writeFileAtomic(join(folder, 'file', 'below'), 'text')).toThrow(
      /is no folder, and isobench needs one there/,
    )
  })

  it('returns where the kernel refuses a folder', () => {
    expect(() => makeFolder('/proc/no-such-folder/deeper')).toThrow(/ENOENT/)
  })
})

it('a temporary name is of one process, also beside containers with equal pids', () => {
  const names = [1, 2].map(() => temporaryName('/a/file'))
  expect(names).toEqual([1, 2].map(() => expect.stringMatching(/^\/a\/file\.[0-9a-f]{12}\.tmp$/)))
  expect(names[0]).not.toBe(names[1])
})

describe('makeFolder', () => {
  it('names what stands in the place of a folder, and how to fix it', () => {
    writeFileSync(join(folder, 'file'), '')
    symlinkSync('none', join(folder, 'lost'))
    for (const [name, why, fix] of [
      ['file', 'is no folder, and isobench needs one there', 'rename it, or use another path'],
      ['lost', 'is a link to nothing, and isobench needs a folder there', 'repair or remove the link'],
    ] as const)
      for (const made of [join(folder, name), join(folder, name, 'build', 'deep')])
        expect(() => makeFolder(made)).toThrow(
          expect.objectContaining({ message: `${join(folder, name)} ${why}`, fix, code: 'ISOBENCH_WRITE' }),
        )
  })
})

describe('a line that a full disk cuts short', () => {
  it('names the file and what to do', () => {
    const full = () => new LineWriter('/dev/full').append('{}')
    expect(full).toThrow(WriteError)
    expect(full).toThrow('/dev/full cannot be written: the disk is full')
    try {
      full()
    } catch (error) {
      expect((error as WriteError).fix).toBe('free space on the disk of /dev (df /dev)')
    }
  })

  it('does not become part of the next one', () => {
    const file = join(folder, 'lines')
    const lines = new LineWriter(file)
    lines.append('first')
    rmSync(file)
    mkdirSync(file)
    expect(() => lines.append('second')).toThrow(`${file} cannot be written: it is a folder`)
    rmdirSync(file)
    writeFileSync(file, 'first\nsec')
    lines.append('third')
    expect(readFileSync(file, 'utf8').split('\n')).toEqual(['first', 'sec', 'third', ''])
  })
})
