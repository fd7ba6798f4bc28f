/**
 * Guests that are saved, of VMMs that present vsock as Unix sockets. The agent of a restored guest calls again with the
 * nonce of the saved guest, so the nonce belongs to the snapshot.
 */

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostArgv } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { bootVm, type VmSpec, vsock } from './supervisor.ts'

/** The nonce of a guest that can be saved: in its state directory, and in the folder of its snapshot. */
export const nonceFile = (folder: string): string => join(folder, 'nonce')

/** Boots a VM like `bootVm`, and keeps its nonce for `saveNonce`. */
export function bootSavableVm(sandbox: GuestSandbox, vm: VmSpec): ReturnType<typeof bootVm> {
  writeFileSync(nonceFile(sandbox.stateDir), vm.nonce)
  return bootVm(sandbox, vm)
}

/** Copies the nonce of a guest of `bootSavableVm` to the folder of its snapshot. */
export const saveNonce = ({ stateDir }: GuestSandbox, folder: string): void =>
  copyFileSync(nonceFile(stateDir), nonceFile(folder))

/** Returns the VM that a VMM restores from the folder of a snapshot. */
export const restoredVm = (folder: string, vmm: HostArgv): VmSpec => ({
  nonce: readFileSync(nonceFile(folder), 'utf8'),
  vmm,
  vsockSocket: vsock.call,
})
