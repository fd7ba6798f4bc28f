import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { benchFile, config, expectNoStack, Project } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'

beforeAll(ensureImage)

const run = ['run', '--rounds', '1', '--seconds', '0.1', '--json', '--wait-for-lock']

/** Runs one bench on native with this code. */
async function outcomeOf(code: string, top = '', options: readonly string[] = []) {
  const host = observe()
  const source = benchFile(code) + top
  using project = Project.with({ 'isobench.config.ts': config('native'), 'benches/a.bench.ts': source })
  const outcome = await project.isobench([...run, ...options])
  expectNoStack(outcome)
  host.expectClean()
  const location = (text: string) => {
    const line = source.split('\n').findIndex((one) => one.includes(text)) + 1
    return { file: join(project.root, 'benches/a.bench.ts'), line, column: expect.any(Number) }
  }
  return { ...outcome, location }
}

describe('what an author forgets', () => {
  test.each([
    [
      'a promise that nobody awaits',
      "void guest.exec(command('false')); await guest.exec(command('sleep', '0.5')); return { time: 1 }",
      'an error that the workload does not handle: false in native: exit code 1',
    ],
    [
      'a promise that is awaited too late',
      "const server = guest.exec(command('false')); await guest.exec(command('sleep', '0.5')); await server",
      'an error that the workload does not handle: false in native: exit code 1',
    ],
    ['process.exit', 'process.exit(0)', 'it called process.exit(0); throw an error instead', 'process.exit'],
    [
      'process.abort in a timer',
      "setTimeout(() => process.abort(), 1); await guest.exec(command('sleep', '0.5')); return { time: 1 }",
      'it called process.abort(); throw an error instead',
      'process.abort',
    ],
    ['a thrown value that is no Error', 'throw { code: 1 }', 'the workload threw { code: 1 }, which is no Error'],
    [
      'process.reallyExit without listeners',
      "process.removeAllListeners('uncaughtException'); process.reallyExit(0)",
      'it called process.reallyExit(0); throw an error instead',
      'process.reallyExit',
    ],
  ])('%s is an error of the sample, and leaves nothing on the host', async (_, code, message, at?: string) => {
    const { exitCode, stdout, location } = await outcomeOf(code)
    const [{ location: bench, results }] = JSON.parse(stdout).cases
    expect(bench).toEqual(location('bench('))
    const error = { message: expect.stringContaining(message), ...(at && { location: location(at) }) }
    expect(results[0].errors).toEqual([error])
    expect(exitCode).toBe(4)
  })

  test('an error outside of any sample ends the run with 5, and leaves nothing on the host', async () => {
    const late = `import { isMainThread } from 'node:worker_threads'
if (isMainThread) setTimeout(() => { throw new Error('late') }, 1)`
    const { exitCode, stderr } = await outcomeOf('return { time: 1 }', late)
    expect(stderr).toContain('an error that no code handles: late')
    expect(exitCode).toBe(5)
  })

  test('a file operation that never ends does not keep isobench after its last message', async () => {
    const fifo = join(tmpdir(), `isobench-never-${process.pid}`)
    execFileSync('mkfifo', [fifo])
    using _ = { [Symbol.dispose]: () => rmSync(fifo) }
    const wait = `(await import('node:fs/promises')).readFile('${fifo}')`
    const { stdout, stderr, exitCode } = await outcomeOf(`await ${wait}; return { time: 1 }`, '', ['--timeout', '1'])
    const [{ results }] = JSON.parse(stdout).cases
    expect(results[0].errors).toEqual([{ message: expect.stringContaining('did not end within its 1 s') }])
    expect(stderr).toContain('code of the project waits for something that never ends')
    // A signal ended it.
    expect(exitCode).toBe(-1)
  })

  test('a timer that loops after its workload is an error with its line', async () => {
    const code = 'setTimeout(() => { for (;;) {} }, 50); return { time: 1 }'
    const { exitCode, stderr } = await outcomeOf(code)
    expect(stderr).toMatch(/benches\/a\.bench\.ts:\d+:\d+.*: a timer, event or promise runs a loop without end/s)
    expect(exitCode).toBe(5)
  })

  test.each([
    ['exec', "for (;;) { try { await guest.exec(command('false')); break } catch {} } return { time: 1 }"],
    ['the client', "while (!(await client.exec(command('false')).then(() => true, () => false))); return { time: 1 }"],
  ])('a loop that tries %s again for ever fails its sample, and the run goes on', async (_, code) => {
    const { exitCode, stdout } = await outcomeOf(code, '', ['--timeout', '1'])
    const [{ results }] = JSON.parse(stdout).cases
    expect(results[0].errors).toEqual([
      { message: expect.stringContaining('the workload did not end within its 1 s; its latest failure: false in') },
    ])
    expect(exitCode).toBe(4)
  })

  test('a loop that boots again for ever creates nothing after its time', async () => {
    const boots = `import { bench, lower, workload } from 'isobench'
import { command } from 'isobench/tools'
const retry = async ({ boot }) => {
  for (;;) { try { await boot(command('false')); break } catch {} }
  return { time: 1 }
}
bench('boots', workload.boot('boots', { metrics: { time: lower('ms') }, run: retry }))
`
    const host = observe()
    using project = Project.with({ 'isobench.config.ts': config('native'), 'benches/a.bench.ts': boots })
    const { exitCode, stdout } = await project.isobench([...run, '--timeout', '1'])
    host.expectClean()
    const message = expect.stringContaining('the workload did not end within its 1 s')
    expect(JSON.parse(stdout).cases[0].results[0].errors).toEqual([{ message }])
    expect(exitCode).toBe(4)
  })
})
