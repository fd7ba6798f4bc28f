import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type FileChanges, FileWatcher } from '../../../../src/core/watch/file-watcher.ts'

it('notices that a watched file comes back, each time, and no other file beside it', { timeout: 20_000 }, async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-unit-')))
  const file = join(root, 'isobench.config.ts')
  mkdirSync(join(root, 'benches'))
  writeFileSync(file, '1')
  let report!: (changes: FileChanges) => void
  const watcher = new FileWatcher((changes) => report(changes))
  const changesAfter = (act: () => void) => {
    const next = new Promise<FileChanges>((resolve) => {
      report = resolve
    })
    act()
    return next
  }
  try {
    // chokidar notices it by itself if it watches one folder only.
    watcher.set([file, join(root, 'benches')])
    await watcher.ready()
    for (const content of ['2', '3']) {
      expect(await changesAfter(() => rmSync(file))).toEqual({ paths: new Set([file]), moved: true })
      writeFileSync(join(root, 'other.ts'), content)
      const back = await changesAfter(() => writeFileSync(file, content))
      expect(back).toEqual({ paths: new Set([file]), moved: true })
    }
  } finally {
    await watcher.close()
    rmSync(root, { recursive: true })
  }
})
