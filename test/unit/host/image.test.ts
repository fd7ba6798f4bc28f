import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ensureImage, imagePath, keepLog } from '../../../src/host/image.ts'
import type { CleanupJournal } from '../../../src/host/journal.ts'

test.runIf(existsSync('/dev/full'))('a full disk does not replace the error of a failed build', () => {
  expect(keepLog('/dev/full', ['E: no such package'])).toBe(
    '/dev/full cannot be written: the disk is full; build again to see all output',
  )
})

test('the images of an earlier release are closed to other users, with any umask', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  vi.stubEnv('ISOBENCH_CACHE', cache)
  const before = process.umask(0)
  try {
    const rootfs = imagePath({})
    mkdirSync(rootfs, { recursive: true, mode: 0o755 })
    chmodSync(dirname(rootfs), 0o755)
    // It exists, so nothing is built and the journal is not used.
    const image = await ensureImage({}, { journal: {} as CleanupJournal })
    expect(image.rootfs).toBe(realpathSync(rootfs))
    expect(statSync(dirname(rootfs)).mode & 0o7777).toBe(0o700)
  } finally {
    process.umask(before)
    vi.unstubAllEnvs()
    rmSync(cache, { recursive: true })
  }
})
