import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ownFolders } from '../../support/releases.ts'
import { script } from './children.ts'

const path = ownFolders()

it('says that a folder is of root, and not that nothing is in it', async () => {
  mkdirSync(path('images'), { mode: 0o000 })
  const file = await script(
    path('.'),
    'reader',
    `import { existsForRoot } from './src/host/root-access.ts'
    if (process.getuid() === 0) process.setuid(65534)
    console.log(existsForRoot('/no/such/file'))
    try { existsForRoot('${path('images/one')}') } catch ({ message, fix }) { console.log(message + ' | ' + fix) }`,
  )
  chmodSync(path('.'), 0o755)
  const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  const refusal = `${path('images')} belongs to root, and isobench does not run as root | run it with sudo`
  expect(stdout).toBe(`false\n${refusal}\n`)
})
