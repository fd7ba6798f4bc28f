import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BisectOptions, bisectRepository, type CommitComparison } from '../../../../src/core/measure/bisect.ts'
import { openJournals } from '../../../../src/host/journal.ts'
import { HostCommandError, runHostCommand } from '../../../../src/host/process.ts'
import { InterruptedError } from '../../../../src/util/errors.ts'
import { temporary } from '../../host/children.ts'

/** A repository of twelve commits. `value` becomes 3 with the ninth. The fifth does not build. */

const folder = temporary()
const repository = join(folder.path, 'repository')
const gitHere = (...args: string[]) =>
  execFileSync('git', ['-C', repository, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder.path, GIT_CONFIG_NOSYSTEM: '1' },
  }).trim()

beforeAll(() => {
  vi.stubEnv('ISOBENCH_STATE', join(folder.path, 'state'))
  mkdirSync(repository)
  gitHere('init', '--quiet', '--initial-branch', 'main')
  gitHere('config', 'user.name', 'A')
  gitHere('config', 'user.email', 'a@example.org')
  for (let at = 1; at <= 12; at++) {
    writeFileSync(join(repository, 'value'), at < 9 ? '1' : '3')
    writeFileSync(join(repository, 'number'), String(at))
    if (at === 5) writeFileSync(join(repository, 'broken'), '')
    else rmSync(join(repository, 'broken'), { force: true })
    gitHere('add', '--all')
    gitHere('commit', '--quiet', '--message', `Commit ${at}`)
  }
  // What must survive: a branch, a staged file, a changed file and a new one.
  gitHere('checkout', '--quiet', '-b', 'mine')
  writeFileSync(join(repository, 'number'), 'changed')
  writeFileSync(join(repository, 'staged'), 'x')
  gitHere('add', 'staged')
  writeFileSync(join(repository, 'new'), 'y')
  // A hook of the repository would run as root.
  writeFileSync(join(repository, '.git/hooks/post-checkout'), `#!/bin/sh\ntouch ${folder.path}/hook\n`, { mode: 0o755 })
})
afterAll(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

const state = () => ({
  head: gitHere('symbolic-ref', 'HEAD'),
  status: gitHere('status', '--porcelain'),
  worktrees: gitHere('worktree', 'list').split('\n').length,
  refs: gitHere('for-each-ref', '--format=%(refname)'),
  left: readdirSync(tmpdir()).filter((name) => name.startsWith('isobench-bisect-')),
  journals: [...openJournals()].length,
})
let before: ReturnType<typeof state>
beforeEach(() => {
  before = state()
})

const read = (where: string, name: string) => readFileSync(join(where, name), 'utf8')

const byValue = async (goodFolder: string, where: string): Promise<CommitComparison> => {
  const estimate = Number(read(where, 'value')) / Number(read(goodFolder, 'value'))
  return {
    verdict: estimate > 1.05 ? 'bad' : 'good',
    ratio: { estimate, low: null, high: null },
    rounds: 8,
    measuredRounds: 8,
    reason: null,
  }
}

const run = (options: Partial<BisectOptions> = {}) =>
  bisectRepository({
    repository,
    good: 'HEAD~11',
    bad: 'HEAD',
    program: 'program',
    // It changes a file that git tracks, and leaves a built one.
    build: async (where) => {
      await runHostCommand(['sh', '-c', 'test ! -e broken && echo built >> number && cp value program'], { cwd: where })
    },
    compare: byValue,
    onStep: () => {},
    signal: new AbortController().signal,
    ...options,
  })

describe('bisectRepository', () => {
  it('finds the first bad commit with few comparisons, and leaves the repository as it was', async () => {
    const seen: string[] = []
    const result = await run({ onStep: ({ commit, verdict }) => seen.push(`${commit.subject}: ${verdict}`) })
    expect(result.candidates.map(({ subject }) => subject)).toEqual(['Commit 9'])
    expect(result.candidates[0]!.hash).toBe(gitHere('rev-parse', 'HEAD~3'))
    expect(seen[0]).toBe('Commit 12: bad')
    expect(seen.length).toBeLessThanOrEqual(6)
    expect(seen).toContain('Commit 8: good')
    expect(state()).toEqual(before)
    expect(existsSync(join(folder.path, 'hook'))).toBe(false)
  })

  it('skips what does not build, and names the commits that are left', async () => {
    const result = await run({
      compare: async (goodFolder, where) =>
        ['8', '9'].includes(read(where, 'number').split('\n')[0]!.replace('built', ''))
          ? { verdict: 'skip', ratio: null, rounds: 30, measuredRounds: 30, reason: 'not certain' }
          : await byValue(goodFolder, where),
    })
    expect(result.candidates.map(({ subject }) => subject).sort()).toEqual(['Commit 10', 'Commit 8', 'Commit 9'])
    const broken = await run({ good: 'HEAD~8', bad: 'HEAD~2' })
    expect(broken.candidates.map(({ subject }) => subject)).toEqual(['Commit 9'])
    expect(state()).toEqual(before)
  })

  it('builds each commit without the program of the one before, with its other files', async () => {
    const left: string[][] = []
    await run({
      program: 'out/[program]',
      build: async (where) => {
        left.push(existsSync(join(where, 'out')) ? readdirSync(join(where, 'out')) : [])
        await runHostCommand(['sh', '-c', 'mkdir -p out && touch out/object "out/[program]"'], { cwd: where })
      },
    })
    // The good commit and the bad one have work trees without builds.
    expect(left.slice(0, 2)).toEqual([[], []])
    expect(left.length).toBeGreaterThan(3)
    for (const files of left.slice(2)) expect(files).toEqual(['object'])
    expect(state()).toEqual(before)
  })

  it('has no candidate if the bad commit is not worse', async () => {
    const result = await run({ bad: 'HEAD~5' })
    expect(result.candidates).toEqual([])
    expect(result.steps).toHaveLength(1)
  })

  it('rejects ends that do not build or have no verdict, and unknown commits', async () => {
    await expect(run({ good: 'HEAD~7' })).rejects.toThrow(HostCommandError)
    await expect(run({ bad: 'HEAD~7' })).rejects.toThrow('the bad commit has no certain verdict: ')
    await expect(run({ bad: 'nowhere' })).rejects.toMatchObject({
      message: `isobench bisect: the repository ${repository} has no commit "nowhere".`,
      fix: expect.stringContaining('such as v1.14'),
    })
    await expect(run({ repository: '/' })).rejects.toMatchObject({
      message: 'isobench bisect: / is no git repository.',
      fix: expect.stringContaining('--repo DIR'),
    })
    const compare = async () => ({
      verdict: 'skip' as const,
      ratio: null,
      rounds: 3,
      measuredRounds: 3,
      reason: 'no',
      fix: 'do that',
    })
    await expect(run({ compare })).rejects.toMatchObject({ code: 'ISOBENCH_USAGE', fix: 'do that' })
    const ratio = { estimate: 1.1, low: 0.9, high: 1.3 }
    const uncertain = run({ compare: async () => ({ ...(await compare()), ratio }) })
    await expect(uncertain).rejects.toMatchObject({ code: 'ISOBENCH_UNCERTAIN', fix: 'do that' })
    const build = async (where: string) => {
      if (existsSync(join(where, 'broken'))) throw new HostCommandError('build failed', 'pass --build')
    }
    await expect(run({ bad: 'HEAD~7', build })).rejects.toMatchObject({
      message: 'isobench bisect: the bad commit has no certain verdict: build failed.',
      fix: 'pass --build',
    })
    await expect(run({ bad: 'HEAD~11' })).rejects.toThrow('both names are of the same commit')
    expect(state()).toEqual(before)
  })

  it('rejects commits that are swapped or on two branches before it builds one', async () => {
    const build = vi.fn()
    await expect(run({ good: 'HEAD', bad: 'HEAD~11', build })).rejects.toMatchObject({
      code: 'ISOBENCH_USAGE',
      message: 'isobench bisect: the good commit "HEAD" is not an ancestor of the bad commit "HEAD~11".',
      fix: 'swap them: isobench bisect HEAD~11 HEAD',
    })
    const [root, tree] = [gitHere('rev-parse', 'HEAD~11'), gitHere('rev-parse', 'HEAD^{tree}')]
    const other = gitHere('commit-tree', tree, '-p', root, '-m', 'Another branch')
    const common = `pass their common ancestor as the good commit: ${root}`
    await expect(run({ good: other, bad: 'HEAD', build })).rejects.toMatchObject({ fix: common })
    const orphan = gitHere('commit-tree', tree, '-m', 'Another history')
    await expect(run({ good: orphan, build })).rejects.toMatchObject({ fix: 'pass two commits of one history' })
    expect(build).not.toHaveBeenCalled()
    expect(state()).toEqual(before)
  })

  it('removes the work trees if it is interrupted in a build or a comparison', async () => {
    const controller = new AbortController()
    const slow = run({
      signal: controller.signal,
      build: async () => {
        setTimeout(() => controller.abort(new InterruptedError('interrupted')), 20)
        await runHostCommand(['sleep', '60'], { signal: controller.signal })
      },
    })
    await expect(slow).rejects.toThrow(InterruptedError)
    const other = new AbortController()
    const measured = run({
      signal: other.signal,
      compare: async (goodFolder, where) => {
        other.abort(new InterruptedError('interrupted'))
        return await byValue(goodFolder, where)
      },
    })
    await expect(measured).rejects.toThrow(InterruptedError)
    expect(state()).toEqual(before)
  })
})
