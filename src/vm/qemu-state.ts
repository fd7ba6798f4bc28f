/** Saving the state of a QEMU machine to a file, and starting QEMU from it: "Migration framework" in its manual. */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { shellQuote } from '../host/image-recipe.ts'
import { messageOf } from '../util/errors.ts'
import { qmp, VmmError } from './vmm-api.ts'

/** The file in the folder of a snapshot. */
const stateFile = (folder: string): string => join(folder, 'machine')

/** Milliseconds between two queries. */
const pollMs = 5

/** Bytes per second. QEMU's default of 128 MiB/s is for networks. */
const maxBandwidth = 10 ** 10

const migration = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() })
const machine = z.object({ status: z.string() })

/**
 * Saves the machine to a folder and leaves it stopped. QEMU runs a shell for the file, which it starts as its own user.
 * @param socket path of the QMP socket
 * @throws {VmmError} if QEMU fails to save it
 */
export async function saveMachine(socket: string, folder: string): Promise<void> {
  await qmp(socket, 'stop')
  await qmp(socket, 'migrate-set-parameters', { 'max-bandwidth': maxBandwidth })
  await qmp(socket, 'migrate', { uri: `exec:cat > ${shellQuote(stateFile(folder))}` })
  for (;;) {
    const { status, 'error-desc': why } = migration.parse(await qmp(socket, 'query-migrate'))
    if (status === 'completed') break
    if (status === 'failed' || status === 'cancelled')
      throw new VmmError(`QEMU did not save its state: ${why ?? status}`)
    await sleep(pollMs)
  }
}

/** Options of QEMU that let it start from a folder of `saveMachine`, with otherwise the same options. */
export const savedMachine = (folder: string): string[] => ['-incoming', `exec:cat ${shellQuote(stateFile(folder))}`]

/**
 * Waits until QEMU has loaded the state and lets the guest run.
 * @param socket path of the QMP socket
 * @param timeout seconds
 * @throws {VmmError} if QEMU does not load it in time
 */
export async function resumeMachine(socket: string, timeout: number): Promise<void> {
  const until = performance.now() + timeout * 1000
  for (;;) {
    try {
      const { status } = machine.parse(await qmp(socket, 'query-status'))
      if (status !== 'inmigrate') break
    } catch (error) {
      // QEMU creates the socket when it starts.
      if (performance.now() > until) throw new VmmError(`QEMU did not load the saved state: ${messageOf(error)}`)
    }
    if (performance.now() > until) throw new VmmError(`QEMU did not load the saved state within ${timeout} s`)
    await sleep(pollMs)
  }
  await qmp(socket, 'cont')
}
