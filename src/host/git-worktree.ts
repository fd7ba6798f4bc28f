import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CleanupJournal } from './journal.ts'
import { type HostCommandOptions, runHostCommand } from './process.ts'

/** Work trees of a repository of the user, beside the user's own. */

/**
 * Settings for a repository that may belong to another user. git would refuse it for root, and its hooks would run as
 * root.
 */
const settings = ['safe.directory=*', 'core.hooksPath=/dev/null', 'core.fsmonitor=false', 'advice.detachedHead=false']

/**
 * Runs git without the user's hooks.
 * @throws {HostCommandError} with the last lines of stderr
 */
export const git = (folder: string, args: readonly string[], options: HostCommandOptions = {}): Promise<string> =>
  runHostCommand(['git', '-C', folder, ...settings.flatMap((one) => ['-c', one]), ...args], {
    timeout: 600,
    label: `git ${args[0]}`,
    ...options,
  })

/**
 * Removes a work tree, and makes git forget it. git does the latter only if the folder is whole or gone, and a kill may
 * leave a part of it. `git worktree prune` would also forget work trees of the user.
 */
const removal = 'rm -rf -- "$2" && { git -C "$1" -c safe.directory=* worktree remove --force --force "$2" || :; }'

/**
 * Adds a work tree of `repository` at a commit, journal first. The user's own work tree, index and branch stay as they
 * are, because refs below refs/bisect and the state of a bisection belong to one work tree.
 */
export async function addWorktree(
  journal: CleanupJournal,
  repository: string,
  folder: string,
  commit: string,
  options: Pick<HostCommandOptions, 'signal'> = {},
): Promise<AsyncDisposable> {
  const entry = {
    kind: 'command',
    description: `the work tree ${folder} of ${repository}`,
    argv: ['sh', '-c', removal, 'sh', repository, folder],
  } as const
  return await journal.create(entry, async () => {
    mkdirSync(dirname(folder), { recursive: true, mode: 0o700 })
    await git(repository, ['worktree', 'add', '--detach', '--force', folder, commit], options)
  })
}
