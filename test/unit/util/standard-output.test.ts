import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it } from 'vitest'
import { takeStandardOutput } from '../../../src/util/standard-output.ts'

const textOf = (stream: PassThrough): string => String(stream.read() ?? '')

it('user code that writes to, corks, ends or destroys standard output does not reach the report', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const out = takeStandardOutput({ stdout, stderr } as unknown as Pick<NodeJS.Process, 'stdout' | 'stderr'>)
  out.write('report 1 ')
  stdout.cork()
  stdout.setDefaultEncoding('hex')
  stdout.write('a')
  const isDone = new Promise<void>((resolve) => stdout.end('b', () => resolve()))
  await isDone
  stdout.end()
  stdout.destroy()
  out.write('report 2')
  expect(textOf(stdout)).toBe('report 1 report 2')
  expect(textOf(stderr)).toBe('ab')
})

it.each(['stdout', 'stderr'] as const)('a pipeline into %s ends, and the stream stays open', async (name) => {
  let text = ''
  const write = (chunk: Buffer, _: string, done: () => void) => {
    text += chunk
    done()
  }
  const sink = () => new Writable({ emitClose: false, write })
  const streams = { stdout: sink(), stderr: sink() }
  takeStandardOutput(streams as unknown as Pick<NodeJS.Process, 'stdout' | 'stderr'>)
  for (const part of ['a', 'b']) await pipeline(Readable.from([part]), streams[name])
  await new Promise<void>((resolve) => streams[name].end('63', 'hex', resolve))
  expect(text).toBe('abc')
})
