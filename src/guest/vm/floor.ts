import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestSandbox } from '../../platforms/driver.ts'
import { probeKernel, serialMarkers } from './tiny/guest.ts'

/** MiB of the guest by which a monitor's own cost is told: the same on each. */
export const probeKernelMiB = 128

/** Writes the guest to a place; resolves with the file. It counts but once: there is nothing to wait for in it. */
export function writeProbeKernel({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string {
  const file = join(directory, 'floor')
  writeFileSync(file, probeKernel(1))
  return file
}

/** Whether a serial port's output is that of a guest that ran to its end. Firmware may have written to it before. */
export const ranToCompletion = (serial: string): boolean =>
  new RegExp(`${serialMarkers.begun}${serialMarkers.done}\\s*$`).test(serial)
