import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

it('leaves a current folder that was removed, also if the launch folder was removed with it', async () => {
  const before = process.cwd()
  onTestFinished(() => process.chdir(before))
  const launchFolder = mkdtempSync(join(tmpdir(), 'isobench-removed-'))
  const folder = join(launchFolder, 'sub')
  process.chdir(launchFolder)
  const { rememberBuiltins, restoreBuiltins } = await import('../../../src/util/builtins.ts')
  rememberBuiltins()
  const removeIn = (removed: string) => {
    mkdirSync(folder, { recursive: true })
    process.chdir(folder)
    rmSync(removed, { recursive: true })
    expect(restoreBuiltins()).toEqual([])
    return process.cwd()
  }
  expect(removeIn(folder)).toBe(launchFolder)
  expect(removeIn(launchFolder)).toBe('/')
})
