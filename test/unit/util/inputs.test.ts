import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { readText } from '../../../src/core/attack-profile/epss-input.ts'
import { readShardPlan } from '../../../src/core/project/shard-plan.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { readablePath } from '../../../src/util/inputs.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-inputs-'))
afterAll(() => rmSync(folder, { recursive: true }))

const record = 'test/fixtures/records/prime-latency-boot.jsonl'
const fifo = (name: string): string => {
  execFileSync('mkfifo', [join(folder, name)])
  return join(folder, name)
}
const limits = { bytes: 1000, seconds: 0.2, writerSeconds: 0.1 }

it('a device is refused by everything that reads a file', () => {
  for (const read of [readRecord, readShardPlan, readText])
    for (const device of ['/dev/zero', '/dev/urandom', '/dev/tty'])
      expect(() => read(device)).toThrow(`${device} is a device, not a file.`)
})

it('a socket is refused', async () => {
  const path = join(folder, 'socket')
  await using server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  expect(() => readablePath(path)).toThrow(`${path} is a socket, not a file.`)
})

it('a record from a pipe is read whole, although it is read several times and arrives in parts', () => {
  const path = fifo('record.jsonl')
  const writer = spawn('sh', ['-c', `sleep 0.2; { head -c 9; sleep 0.2; cat; } < ${record} > ${path}`])
  const { samples } = readRecord(path)
  writer.kill()
  expect(samples).toEqual(readRecord(record).samples)
  expect(readRecord(path).samples).toHaveLength(samples.length)
})

it('a pipe that no process writes to, that is silent, or that does not end is an error', () => {
  const path = fifo('pipe')
  expect(() => readablePath(path, limits)).toThrow(`${path} is a pipe, and no process wrote to it within 0.1 s.`)
  const silent = spawn('sh', ['-c', `exec 3> ${path}; echo begin >&3; sleep 5`])
  expect(() => readablePath(path, { ...limits, writerSeconds: 3 })).toThrow(
    `${path} is a pipe, and nothing came within 0.2 s.`,
  )
  silent.kill()
  const endless = spawn('sh', ['-c', `yes > ${path}`])
  expect(() => readablePath(path, { ...limits, writerSeconds: 3 })).toThrow(
    `${path} is a pipe with more than 1000 bytes.`,
  )
  endless.kill()
})

it('the path of a file, a folder and nothing is that path', () => {
  for (const path of [record, folder, join(folder, 'none')]) expect(readablePath(path)).toBe(path)
})

it('a line that no record has is an error with its number, in a file of any size', () => {
  const path = join(folder, 'long.jsonl')
  writeFileSync(path, readFileSync(record, 'utf8').split('\n').slice(0, 2).join('\n'))
  execFileSync('truncate', ['-s', '3G', path])
  expect(() => readRecord(path)).toThrow(`${path}:2 is no line of a run record: it has more than 268435456 bytes`)
})

it('a record that is UTF-16 says how to fix it', () => {
  const path = join(folder, 'utf16.jsonl')
  for (const mark of ['\ufeff', '']) {
    writeFileSync(path, Buffer.from(mark + readFileSync(record, 'utf8'), 'utf16le'))
    expect(() => readRecord(path)).toThrow(
      expect.objectContaining({ message: `${path} is not UTF-8`, fix: expect.stringContaining('save it as UTF-8') }),
    )
  }
})

it('copies of pipes leave no files and no listeners behind, and are read from their beginning each time', () => {
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary)
  vi.stubEnv('TMPDIR', temporary)
  const listeners = process.listenerCount('exit')
  for (const name of ['first', 'second']) {
    const path = fifo(name)
    const writer = spawn('sh', ['-c', `echo ${name} > ${path}`])
    for (let time = 0; time < 2; time++) expect(readFileSync(readablePath(path), 'utf8')).toBe(`${name}\n`)
    writer.kill()
  }
  vi.unstubAllEnvs()
  expect(readdirSync(temporary)).toEqual([])
  expect(process.listenerCount('exit')).toBe(listeners)
})
