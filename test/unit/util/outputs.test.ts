import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isStream, linkChain, openOutput, writeOutput, writeParts } from '../../../src/util/outputs.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-outputs-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('writeOutput', () => {
  const at = (name: string) => join(folder, name)

  it('writes the target of a link, and keeps its mode', () => {
    writeFileSync(at('real.json'), 'old')
    chmodSync(at('real.json'), 0o600)
    symlinkSync('real.json', at('link.json'))
    writeOutput(at('link.json'), 'new')
    expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true)
    expect(readFileSync(at('real.json'), 'utf8')).toBe('new')
    expect(statSync(at('real.json')).mode & 0o777).toBe(0o600)
  })

  it('creates the target of a link that leads nowhere yet', () => {
    symlinkSync('later.json', at('dangling.json'))
    writeOutput(at('dangling.json'), 'text')
    expect(readFileSync(at('later.json'), 'utf8')).toBe('text')
  })

  it('writes to a file that has two names, under both', () => {
    writeFileSync(at('first.json'), 'a long old text')
    linkSync(at('first.json'), at('second.json'))
    writeOutput(at('first.json'), 'new')
    expect(readFileSync(at('second.json'), 'utf8')).toBe('new')
    expect(statSync(at('first.json')).nlink).toBe(2)
  })

  it('names a file in the place of a folder', () => {
    writeFileSync(at('file'), 'text')
    expect(isStream(at('file/below'))).toBe(false)
    expect(linkChain(at('file/below'))).toEqual([at('file/below')])
    expect(() => writeOutput(at('file/below'), 'new')).toThrow(
      `${at('file')} is no folder, and isobench needs one there`,
    )
    expect(readFileSync(at('file'), 'utf8')).toBe('text')
  })

  it('refuses links that lead in a circle, and leaves them', () => {
    symlinkSync('circle-b', at('circle-a'))
    symlinkSync('circle-a', at('circle-b'))
    expect(() => writeOutput(at('circle-a'), 'text')).toThrow('is a link that leads in a circle')
    expect(lstatSync(at('circle-a')).isSymbolicLink()).toBe(true)
  })

  it('replaces a regular file in /dev/shm', () => {
    const file = `/dev/shm/isobench-test-${process.pid}`
    try {
      writeOutput(file, 'a long report')
      writeOutput(file, 'short')
      expect(readFileSync(file, 'utf8')).toBe('short')
    } finally {
      rmSync(file, { force: true })
    }
  })

  it('appends to an open file of a process, also through a link', () => {
    symlinkSync('/dev/stdout', at('out'))
    expect(isStream(at('out'))).toBe(true)
  })

  it('writes more than a FIFO has room for, and leaves it one', async () => {
    execFileSync('mkfifo', [at('pipe')])
    const reader = spawn('sh', ['-c', 'sleep 0.2; cat "$0" > "$1"', at('pipe'), at('read')])
    writeOutput(at('pipe'), 'x'.repeat(300_000))
    await once(reader, 'exit')
    expect(readFileSync(at('read'), 'utf8')).toBe('x'.repeat(300_000))
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true)
  })

  it('refuses a FIFO that no process reads, instead of waiting forever', () => {
    execFileSync('mkfifo', [at('unread')])
    expect(() => openOutput(at('unread'), 0.05)).toThrow(
      expect.objectContaining({
        message: `${at('unread')} is a FIFO, and no process read it within 0.05 s`,
        fix: `start its reader first, for example: cat ${at('unread')} > out &`,
      }),
    )
  })

  it('writes to a device, and leaves it one', () => {
    writeOutput('/dev/null', 'text')
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true)
    expect(() => writeOutput('/dev/full', 'text')).toThrow(/the disk is full/)
    expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true)
  })
})

describe('writeParts', () => {
  it('gives a file its name when it is complete, and leaves nothing of one that is not', () => {
    const path = join(folder, 'parts.jsonl')
    const names = () => readdirSync(folder).filter((name) => name.startsWith('parts.jsonl'))
    let during: readonly string[] = []
    const parts = function* (isWhole: boolean) {
      yield 'one\n'
      during = names()
      if (!isWhole) throw new Error('a record that cannot be read')
      yield 'two\n'
    }
    expect(() => writeParts(path, parts(false))).toThrow('a record that cannot be read')
    expect([during.length, during.includes('parts.jsonl'), names()]).toEqual([1, false, []])
    writeParts(path, parts(true))
    expect([during.includes('parts.jsonl'), names()]).toEqual([false, ['parts.jsonl']])
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
  })

  it('writes to a device, and names a full one with the fix', () => {
    const file = join(folder, 'new/folder/file')
    writeParts(file, ['a', 'b'])
    expect(readFileSync(file, 'utf8')).toBe('ab')
    expect(() => writeParts('/dev/full', ['text'])).toThrow('/dev/full cannot be written: the disk is full')
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true)
  })

  it('writes the target of a link', () => {
    symlinkSync('of-link.jsonl', join(folder, 'link.jsonl'))
    writeParts(join(folder, 'link.jsonl'), ['text'])
    expect(readFileSync(join(folder, 'of-link.jsonl'), 'utf8')).toBe('text')
  })
})

describe('isStream', () => {
  it.each([
    ['/dev/null', true],
    ['/dev/stdout', true],
    ['/proc/self/fd/1', true],
    ['/etc/hostname', false],
    ['/etc', false],
    ['/nowhere/file', false],
    ['/dev/shm/isobench-test-no-such-file', false],
  ])('of %s is %s', (path, expected) => {
    expect(isStream(path)).toBe(expected)
  })
})
