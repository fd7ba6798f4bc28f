import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { which } from './requirements.ts'
import { requiredMountPoints } from './view.ts'

/** A root filesystem of one static busybox: enough to see whether a platform boots, before there is an image. */
export function createBusyboxRootfs(folder: string): void {
  // systemd-nspawn takes nothing without a /usr for a root filesystem.
  for (const path of ['/bin', '/usr', ...requiredMountPoints]) mkdirSync(join(folder, path), { recursive: true })
  copyFileSync(which('busybox')!, join(folder, 'bin/busybox'))
  for (const name of ['true', 'sh', 'sleep']) symlinkSync('busybox', join(folder, 'bin', name))
}
