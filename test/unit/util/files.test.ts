import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
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
  outputFlag,
  WriteError,
  writeFileAtomic,
  writeOutput,
} from '../../../src/util/files.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-files-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

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
    expect(() => writeFileAtomic(target, 'text')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    expect(readdirSync(target)).toEqual(['not empty'])
    expect(readdirSync(folder).filter((name) => name.startsWith('target'))).toEqual(['target'])
  })

  it('reports a file where a folder should be', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => writeFileAtomic(join(folder, 'file', 'below'), 'text')).toThrow(/ENOTDIR/)
  })

  it('returns where the kernel refuses a folder', () => {
    expect(() => makeFolder('/proc/no-such-folder/deeper')).toThrow(/ENOENT/)
  })
})

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
    expect(outputFlag(at('out'))).toBe('a')
  })

  it('writes to a FIFO, and leaves it one', () => {
    execFileSync('mkfifo', [at('pipe')])
    const script = `cat ${at('pipe')} > ${at('read')} & ${process.execPath} -e "${[
      "const { openSync, writeSync } = require('node:fs')",
      `writeSync(openSync('${at('pipe')}', '${outputFlag(at('pipe'))}'), 'text')`,
    ].join(';')}"; wait`
    expect(spawnSync('sh', ['-c', script], { timeout: 10_000 }).status).toBe(0)
    expect(readFileSync(at('read'), 'utf8')).toBe('text')
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true)
  })

  it('writes to a device, and leaves it one', () => {
    writeOutput('/dev/null', 'text')
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true)
    expect(() => writeOutput('/dev/full', 'text')).toThrow(/the disk is full/)
    expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true)
  })
})

describe('outputFlag', () => {
  it.each([
    ['/dev/null', 'a'],
    ['/dev/stdout', 'a'],
    ['/proc/self/fd/1', 'a'],
    ['/etc/hostname', 'w'],
    ['/nowhere/file', 'w'],
    ['/dev/shm/isobench-test-no-such-file', 'w'],
  ])('of %s is %s', (path, flag) => {
    expect(outputFlag(path)).toBe(flag)
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
      expect((error as WriteError).fix).toBe('free space on the disk of /dev (df /dev), then run again')
    }
  })

  it('does not become part of the next one', () => {
    const file = join(folder, 'lines')
    const lines = new LineWriter(file)
    lines.append('first')
    rmSync(file)
    mkdirSync(file)
    expect(() => lines.append('second')).toThrow(/EISDIR/)
    rmdirSync(file)
    writeFileSync(file, 'first\nsec')
    lines.append('third')
    expect(readFileSync(file, 'utf8').split('\n')).toEqual(['first', 'sec', 'third', ''])
  })
})
