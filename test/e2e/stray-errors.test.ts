import { beforeAll, describe, expect, test } from 'vitest'
import { benchFile, config, expectNoStack, Project } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'

beforeAll(ensureImage)

const run = ['run', '--rounds', '1', '--seconds', '0.1', '--json', '--wait-for-lock']

/** Runs one bench on native with this code. */
async function outcomeOf(code: string, top = '') {
  const host = observe()
  using project = Project.with({
    'isobench.config.ts': config('native'),
    'benches/a.bench.ts': benchFile(code) + top,
  })
  const outcome = await project.isobench(run)
  expectNoStack(outcome)
  host.expectClean()
  return outcome
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
    ['process.exit', 'process.exit(0)', 'it called process.exit(0); throw an error instead'],
    [
      'process.reallyExit without listeners',
      "process.removeAllListeners('uncaughtException'); process.reallyExit(0)",
      'it called process.reallyExit(0); throw an error instead',
    ],
  ])('%s is an error of the sample, and leaves nothing on the host', async (_, code, message) => {
    const { exitCode, stdout } = await outcomeOf(code)
    const [result] = JSON.parse(stdout).cases[0].results
    expect(result.errors).toEqual([expect.stringContaining(message)])
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
