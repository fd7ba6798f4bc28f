/** A bisection over the commits of a runtime, with real builds and guests. */

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { beforeAll, expect, test } from 'vitest'
import { config, imports, Project } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'
import { skip } from './support/skip.ts'

beforeAll(ensureImage)

const boot = `${imports}
const start = workload.boot('start', {
  metrics: { duration: lower('ms') },
  run: async ({ boot }) => ({ duration: (await boot(command('true'))).milliseconds }),
})
bench('start', start)
`

test('isobench bisect names the commit that made a runtime slower, and leaves the repository', async (context) => {
  const host = observe()
  const runc = execFileSync('sh', ['-c', 'command -v runc'], { encoding: 'utf8' }).trim()
  using project = Project.with({ 'isobench.config.ts': config('native', 'runc'), 'benches/start.bench.ts': boot })
  const repository = project.path('runtime')
  const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim()
  // The wrapper becomes slower with the third commit.
  for (const [at, delay] of [0, 0, 0.2, 0.2, 0.2].entries()) {
    project.write({ 'runtime/wrapper': `#!/bin/sh\n# ${at}\nsleep ${delay}\nexec ${runc} "$@"\n` })
    if (at === 0) git('init', '--quiet', '--initial-branch', 'main')
    git('add', '--all')
    git('-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '--quiet', '--message', `Commit ${at + 1}`)
  }
  project.write({ 'runtime/wrapper': 'edited' })
  const state = () => [git('symbolic-ref', 'HEAD'), git('status', '--porcelain'), git('worktree', 'list')]
  const before = state()

  const range = ['HEAD~4', 'HEAD', '--repo', 'runtime', '--bench', 'start', '--platform', 'runc']
  const build = ['--build', 'install -m 755 wrapper runc', '--margin', '80', '--max-rounds', '10', '--seconds', '0.1']
  const { exitCode, stdout, stderr } = await project.isobench([
    'bisect',
    ...range,
    ...build,
    '--json',
    '--wait-for-lock',
  ])
  expect(state()).toEqual(before)
  expect(project.records()).toEqual([])
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('isobench-bisect-'))).toEqual([])
  host.expectClean()
  if (stderr.includes('other processes used at least half')) skip(context, 'busy-host', 'isobench decided nothing')
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('Commit 2: not worse')])
  const { candidates, steps } = JSON.parse(stdout)
  expect(candidates.map(({ subject }: { subject: string }) => subject)).toEqual(['Commit 3'])
  // The bad commit 5, then the middle of the four commits after the good one, then the middle of the first two.
  expect(steps.map(({ verdict }: { verdict: string }) => verdict)).toEqual(['bad', 'bad', 'good'])
  expect(steps[0].ratio.low).toBeGreaterThan(1.8)
})
