import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, it } from 'vitest'
import { script, temporary } from '../host/children.ts'

const folder = temporary()
afterAll(() => folder.remove())
const fifo = join(folder.path, 'fifo')
execFileSync('mkfifo', [fifo])

const program = script(
  folder.path,
  'program',
  `import { execSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { callWithinLimit, withinLimit } from './src/core/project/time-limit.ts'
const calls = {
  waits: () => execSync('sleep 100; true'),
  reads: () => readFileSync('${fifo}'),
}
const [, , name, limit] = process.argv
const call = calls[name]
const other = spawn('sleep', ['100'])
await new Promise((resolve) => setTimeout(resolve, 150))
try {
  if (limit === 'import') await withinLimit({ root: '/', file: 'a.ts', what: 'it', fix: '' }, call)
  else callWithinLimit('onFinish()', call)
} catch (error) {
  console.log(error.message)
}
console.log('goes on', other.exitCode, other.signalCode)
other.kill()
`,
)

/** Runs the call with short limits. */
async function ended(call: 'waits' | 'reads', limit: 'import' | 'call') {
  const env = { PATH: process.env.PATH, ISOBENCH_NATIVE_SECONDS: '0.5' }
  const limits = { ISOBENCH_IMPORT_SECONDS: '0.5', ISOBENCH_CALL_SECONDS: '0.5' }
  const child = spawn(process.execPath, [await program, call, limit], { env: { ...env, ...limits } })
  const exited = once(child, 'exit')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [, signal] = await exited
  return { signal, out, err: err.replace(/\d+(, \d+)*\n/, 'PIDS\n') }
}

const warning = (name: string) =>
  `warning  ${name} is in native code, such as execSync or JSON.parse, and isobench cannot interrupt it. ` +
  'If that takes 0.5 s more, isobench ends it\n'

it.concurrent.each([
  ['import', 'a.ts', 'it took longer than 0.5 s'],
  ['call', 'onFinish()', 'onFinish() took longer than 0.5 s'],
] as const)(
  'the %s that waits for a child process goes on when isobench has ended that one',
  async (limit, name, message) => {
    expect(await ended('waits', limit)).toEqual({
      signal: null,
      out: `${message}\ngoes on null null\n`,
      err: `${warning(name)}warning  ${name} is still in native code: isobench ends what it waits for, process PIDS\n`,
    })
  },
)

it.concurrent.each([
  ['import', 'a.ts'],
  ['call', 'onFinish()'],
] as const)('the %s that reads a FIFO ends with its process', async (limit, name) => {
  const { signal, out, err } = await ended('reads', limit)
  expect([signal, out]).toEqual(['SIGKILL', ''])
  expect(err).toBe(
    `${warning(name)}error  ${name} did not leave native code, so isobench ends itself with SIGKILL.\n` +
      '       fix: limit the time of the call, or use its asynchronous form\n',
  )
})
