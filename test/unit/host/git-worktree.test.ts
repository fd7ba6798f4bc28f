import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { git } from '../../../src/host/git-worktree.ts'
import { runHostCommand } from '../../../src/host/process.ts'

it('git reads a repository of another user, as under sudo without SUDO_UID', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-git-'))
  try {
    await git(folder, ['init', '--quiet'])
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']
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
