import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openJournals } from '../../../src/host/journal.ts'
import { inTemporaryFolder } from '../../../src/host/temporary-folder.ts'

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'isobench-temporary-'))
  vi.stubEnv('ISOBENCH_STATE', state)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(state, { recursive: true })
})

it('journals the folder while it exists, so that a clean after a kill removes it', async () => {
  const result = await inTemporaryFolder('kvm', async (folder) => {
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(dirname(folder)).toBe(state)
    writeFileSync(join(folder, 'guest'), '')
    expect([...openJournals()].flatMap(({ entries }) => entries)).toEqual([{ kind: 'directory', path: folder }])
    return folder
  })
  expect(existsSync(result)).toBe(false)
  expect(readdirSync(join(state, 'journals'))).toEqual([])
})

it('removes the folder if the work fails', async () => {
  const work = inTemporaryFolder('time', (folder) => Promise.reject(new Error(folder)))
  const folder = await work.catch((error: Error) => error.message)
  expect(folder).toContain(join(state, 'time-'))
  expect(readdirSync(state)).toEqual(['journals'])
})
