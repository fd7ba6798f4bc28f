import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from '../../platforms/driver.ts'
import { marks, tinyGuest } from './tiny/guest.ts'

/** MiB of the guest by which a monitor's own cost is told: the same on each. */
export const floorMiB = 128

/** Writes the guest to a place; resolves with the file. It counts but once: there is nothing to wait for in it. */
export function floorKernel({ directory }: Pick<Place, 'directory'>): string {
  const file = join(directory, 'floor')
  writeFileSync(file, tinyGuest(1))
  return file
}

/** Whether a serial port's output is that of a guest that ran to its end. Firmware may have written to it before. */
export const ranToItsEnd = (serial: string): boolean => new RegExp(`${marks.begun}${marks.done}\\s*$`).test(serial)
