import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { benchFile, config, expectNoStack, Project } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'

beforeAll(ensureImage)

const run = ['run', '--rounds', '1', '--seconds', '0.1', '--json', '--wait-for-lock']

/** Runs one bench on native with this code. */
async function outcomeOf(code: string, top = '') {
  const host = observe()
  const source = benchFile(code) + top
  using project = Project.with({ 'isobench.config.ts': config('native'), 'benches/a.bench.ts': source })
  const outcome = await project.isobench(run)
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
})
