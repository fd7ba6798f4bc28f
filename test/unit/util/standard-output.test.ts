import { PassThrough } from 'node:stream'
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
