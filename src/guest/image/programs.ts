import { lstatSync } from 'node:fs'
import { join } from 'node:path'

/** Where guests look for programs: the PATH that they have on every platform. */
const path = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** What a guest may have put there itself. */
const writable = /^\/(data|dev|proc|run|sys|tmp)\//

/** Whether a command can only fail because the image has no such program. */
export function imageLacksProgram(rootfs: string, program: string): boolean {
  const absolute = program.startsWith('/')
  // Relative to a folder that the command chose.
  if (writable.test(program) || (!absolute && program.includes('/'))) return false
  const places = absolute ? [program] : path.map((folder) => join(folder, program))
  // A link of the image's points into the image, not to the host's file of that name.
  return places.every((place) => !lstatSync(join(rootfs, place), { throwIfNoEntry: false }))
}
