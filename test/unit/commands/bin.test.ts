import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('bin/isobench.js says how to build a checkout that has no dist/', () => {
  const root = mkdtempSync(join(tmpdir(), 'isobench-bin-'))
  try {
    mkdirSync(join(root, 'bin'))
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
    copyFileSync('bin/isobench.js', join(root, 'bin/isobench.js'))
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/isobench.js'), 'run'], {
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([5, '', 'error  isobench is not built. Run: npm run build\n'])
  } finally {
    rmSync(root, { recursive: true })
  }
})
