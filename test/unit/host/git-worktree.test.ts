import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { removeResource } from '../../../src/host/cleanup.ts'
import { addWorktree, git } from '../../../src/host/git-worktree.ts'
import type { CleanupJournal, Entry } from '../../../src/host/journal.ts'
import { runHostCommand } from '../../../src/host/process.ts'

const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']

describe('a work tree that a kill left', () => {
  async function leave(): Promise<{ root: string; repository: string; folder: string; entry: Entry }> {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-git-')))
    onTestFinished(() => rmSync(root, { recursive: true }))
    const [repository, folder] = [join(root, 'repository'), join(root, 'bisect', 'good')]
    await runHostCommand(['git', 'init', '--quiet', repository])
    await runHostCommand(['git', '-C', repository, ...author, 'commit', '--quiet', '--allow-empty', '--message=a'])
    const entries: Entry[] = []
    const journal = {
      create: async (entry: Entry, make: () => unknown) => {
        entries.push(entry)
        await make()
      },
    } as unknown as CleanupJournal
    await addWorktree(journal, repository, folder, 'HEAD')
    return { root, repository, folder, entry: entries[0]! }
  }

  it.each<readonly [string, (left: { root: string; repository: string; folder: string }) => void]>([
    ['whole', () => {}],
    [
      'locked, because git had not added all of it',
      ({ repository }) => writeFileSync(join(repository, '.git/worktrees/good/locked'), ''),
    ],
    ['without its .git', ({ folder }) => rmSync(join(folder, '.git'))],
    ['gone with the folder above it', ({ root }) => rmSync(join(root, 'bisect'), { recursive: true })],
  ])('is removed and forgotten: %s', async (_, change) => {
    const left = await leave()
    const { root, repository, folder, entry } = left
    const own = join(root, 'own')
    await git(repository, ['worktree', 'add', '--detach', own])
    rmSync(own, { recursive: true })
    change(left)
    await removeResource(entry)
    const list = await git(repository, ['worktree', 'list', '--porcelain'])
    const paths = [...list.matchAll(/^worktree (.*)$/gm)].map(([, path]) => path)
    // The user may bring back what is missing now.
    expect(paths).toEqual([repository, own])
    expect(existsSync(folder)).toBe(false)
    await removeResource(entry)
  })

  it('is removed without its repository', async () => {
    const { repository, folder, entry } = await leave()
    rmSync(repository, { recursive: true })
    await removeResource(entry)
    expect(existsSync(folder)).toBe(false)
  })
})

it('git reads a repository of another user, as under sudo without SUDO_UID', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-git-'))
  try {
    await git(folder, ['init', '--quiet'])
    await runHostCommand(['git', '-C', folder, ...author, 'commit', '--quiet', '--allow-empty', '--message=a'])
    // A variable of git's own tests.
    const options = { env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' } }
    await expect(runHostCommand(['git', '-C', folder, 'rev-parse', 'HEAD'], options)).rejects.toThrow(/dubious/)
    expect(await git(folder, ['rev-parse', 'HEAD'], options)).toMatch(/^[0-9a-f]{40}$/)
    expect(await git(folder, ['status', '--porcelain'], options)).toBe('')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
