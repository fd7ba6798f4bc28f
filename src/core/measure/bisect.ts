import { randomBytes } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeResource } from '../../host/cleanup.ts'
import { addWorktree, git } from '../../host/git-worktree.ts'
import { CleanupJournal } from '../../host/journal.ts'
import { HostCommandError } from '../../host/process.ts'
import { UncertainError, UsageError } from '../../util/errors.ts'
import { withUsualUmask } from '../../util/umask.ts'

/** Finds the commit that made a metric worse: git's bisection, with a measured comparison for each commit. */

/** What is known of a commit. `skip`: it does not build, or the comparison is not certain. */
export type CommitVerdict = 'good' | 'bad' | 'skip'

export interface Commit {
  /** Full hash. */
  readonly hash: string
  readonly subject: string
  /** Of the committer, ISO 8601. */
  readonly date: string
}

/** A commit against the good one. */
export interface CommitComparison {
  readonly verdict: CommitVerdict
  /** The commit ÷ the good commit, with its interval; null without a figure. */
  readonly ratio: { readonly estimate: number; readonly low: number | null; readonly high: number | null } | null
  /** Rounds behind the ratio. */
  readonly rounds: number
  /** Rounds that were measured: more if an early look decided but its verdict did not stand. */
  readonly measuredRounds: number
  /** Why it is skipped; otherwise null. */
  readonly reason: string | null
  /** What could decide it, if it is skipped. */
  readonly fix?: string
}

export interface BisectStep extends CommitComparison {
  readonly commit: Commit
}

export interface BisectOptions {
  /** The folder of the repository, or one below it. Its own work tree, index and branch stay as they are. */
  readonly repository: string
  /** Names of commits. */
  readonly good: string
  readonly bad: string
  /** The path of the built program in the work tree. */
  readonly program: string
  /**
   * Builds a work tree. Throws a HostCommandError if it does not build.
   * @param journal for the process of the build, which would outlive a kill of isobench
   */
  build(folder: string, commit: Commit, journal: CleanupJournal): Promise<void>
  /** Compares two built work trees. */
  compare(goodFolder: string, folder: string, commit: Commit): Promise<CommitComparison>
  onStep(step: BisectStep): void
  readonly signal: AbortSignal
}

export interface BisectResult {
  readonly good: Commit
  readonly bad: Commit
  /**
   * The commits that could be the first bad one: one if it is certain, several if those between were skipped, none if
   * the bad commit is not worse.
   */
  readonly candidates: readonly Commit[]
  /** In the order of measuring, the bad commit first. */
  readonly steps: readonly BisectStep[]
}

/** The commit of a name. @throws {UsageError} if there is none */
async function readCommit(folder: string, name: string): Promise<Commit> {
  try {
    const text = await git(folder, ['log', '-1', '--format=%H%x00%cI%x00%s', `${name}^{commit}`, '--'])
    const [hash, date, subject] = text.split('\0')
    return { hash: hash!, date: date!, subject: subject! }
  } catch (error) {
    if (!(error instanceof HostCommandError)) throw error
    if (error.message.includes('not a git repository'))
      throw new UsageError(
        `isobench bisect: ${folder} is no git repository.`,
        'pass the repository of the runtime: --repo DIR',
      )
    throw new UsageError(
      `isobench bisect: the repository ${folder} has no commit "${name}".`,
      'name a commit as git does, such as v1.14 or HEAD~20; --repo DIR names another repository',
    )
  }
}

/** @throws {UsageError} if the good commit is not an ancestor of the bad one, so that a bisection finds nothing */
async function checkAncestor({ repository, ...names }: BisectOptions, good: Commit, bad: Commit): Promise<void> {
  // Exit code 1: they have no common ancestor.
  const common = (await git(repository, ['merge-base', good.hash, bad.hash], { exitCodes: [0, 1] })).trim()
  if (common === good.hash) return
  throw new UsageError(
    `isobench bisect: the good commit "${names.good}" is not an ancestor of the bad commit "${names.bad}".`,
    common === bad.hash
      ? `swap them: isobench bisect ${names.bad} ${names.good}`
      : common === ''
        ? 'pass two commits of one history'
        : `pass their common ancestor as the good commit: ${common}`,
  )
}

/**
 * Builds the good commit, then compares the bad commit and those that git chooses with it. Two work trees in a
 * temporary folder have the builds. They are removed at the end, also if the signal is aborted.
 * @throws {HostCommandError} if the good commit does not build
 * @throws {UsageError} if the bad commit does not build, does not run the bench or is not a descendant of the good one
 * @throws {UncertainError} if the bad commit has values and no certain verdict
 * @throws the reason of the signal if it is aborted
 */
export async function bisectRepository(options: BisectOptions): Promise<BisectResult> {
  const { repository, signal } = options
  const good = await readCommit(repository, options.good)
  const bad = await readCommit(repository, options.bad)
  if (good.hash === bad.hash)
    throw new UsageError('isobench bisect: both names are of the same commit.', 'pass two different commits')
  await checkAncestor(options, good, bad)
  const name = `bisect-${randomBytes(4).toString('hex')}`
  await using journal = CleanupJournal.start(name, removeResource)
  // git knows a work tree that is gone only by its real path.
  const folder = join(realpathSync(tmpdir()), `isobench-${name}`)
  await journal.create({ kind: 'directory', path: folder }, () =>
    withUsualUmask(() => mkdirSync(folder, { mode: 0o755 })),
  )
  const [goodFolder, worktree] = [join(folder, 'good'), join(folder, 'candidate')]
  await addWorktree(journal, repository, goodFolder, good.hash, { signal })
  await addWorktree(journal, repository, worktree, bad.hash, { signal })
  await options.build(goodFolder, good, journal)
  return { good, bad, ...(await search(options, journal, goodFolder, worktree, good, bad)) }
}

async function search(
  { program, build, compare, onStep, signal }: BisectOptions,
  journal: CleanupJournal,
  goodFolder: string,
  worktree: string,
  good: Commit,
  bad: Commit,
): Promise<Pick<BisectResult, 'candidates' | 'steps'>> {
  const steps: BisectStep[] = []
  let failedBuild: HostCommandError | undefined
  // Exit code 2: only skipped commits are left.
  const run = (...args: string[]) => git(worktree, args, { signal, exitCodes: args[0] === 'bisect' ? [0, 2] : [0] })
  const measure = async (commit: Commit): Promise<CommitVerdict> => {
    signal.throwIfAborted()
    // A build may have changed files that git tracks.
    await run('checkout', '--force', '--detach', commit.hash)
    // A build that makes no program must not be measured with the program of the commit before.
    await run('clean', '-f', '-x', '-q', '--', `:(literal)${program}`)
    failedBuild = await failureOf(() => build(worktree, commit, journal))
    const step = {
      commit,
      ...(failedBuild
        ? { verdict: 'skip' as const, ratio: null, rounds: 0, measuredRounds: 0, reason: failedBuild.message }
        : await compare(goodFolder, worktree, commit)),
    }
    signal.throwIfAborted()
    steps.push(step)
    onStep(step)
    return step.verdict
  }
  const first = await measure(bad)
  if (first === 'good') return { candidates: [], steps }
  if (first === 'skip') {
    const { ratio, reason } = steps[0]!
    const NoVerdict = ratio ? UncertainError : UsageError
    throw new NoVerdict(
      `isobench bisect: the bad commit has no certain verdict: ${reason}.`,
      (failedBuild ?? steps[0]!).fix ?? 'pass another bad commit',
    )
  }
  await run('bisect', 'start', '--no-checkout', bad.hash, good.hash)
  for (;;) {
    const { next, candidates } = await remaining(run)
    if (next === undefined)
      return { candidates: await Promise.all(candidates.map((hash) => readCommit(worktree, hash))), steps }
    await run('bisect', await measure(await readCommit(worktree, next)), next)
  }
}

async function failureOf(build: () => Promise<void>): Promise<HostCommandError | undefined> {
  try {
    await build()
    return undefined
  } catch (error) {
    if (error instanceof HostCommandError) return error
    throw error
  }
}

/**
 * The commit in the middle of those that could be the first bad one, and these. It asks git for the data, because the
 * messages of `git bisect` are for people.
 */
async function remaining(
  run: (...args: string[]) => Promise<string>,
): Promise<{ readonly next: string | undefined; readonly candidates: readonly string[] }> {
  const refs = (await run('for-each-ref', '--format=%(refname:lstrip=2) %(objectname)', 'refs/bisect')).split('\n')
  const hashesOf = (kind: string) => refs.flatMap((line) => (line.startsWith(kind) ? [line.split(' ')[1]!] : []))
  const bad = hashesOf('bad')[0]!
  const skipped = new Set(hashesOf('skip-'))
  const without = hashesOf('good-').map((hash) => `^${hash}`)
  const listed = (await run('rev-list', '--bisect-all', bad, ...without)).split('\n').filter(Boolean)
  const others = listed.map((line) => line.split(' ')[0]!).filter((hash) => hash !== bad)
  return { next: others.find((hash) => !skipped.has(hash)), candidates: [bad, ...others] }
}
