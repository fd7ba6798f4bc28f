import * as z from 'zod'
import { MachineError } from '../errors.ts'
import { findKernel, type GuestKernel, type OwnKernel } from '../guest/vm/kernel.ts'

/** Options of every platform whose guests boot a kernel of their own. */
export const kernelOptions = {
  /** A bzImage or vmlinux of the user's own, in place of Debian's. */
  kernel: z.string().optional(),
  /** The folder of its modules: `/lib/modules/<release>`. */
  modules: z.string().optional(),
}

interface Given {
  readonly kernel?: string | undefined
  readonly modules?: string | undefined
}

export const ownKernel = ({ kernel, modules }: Given): OwnKernel | undefined =>
  kernel === undefined ? undefined : { kernel, modules }

/** The kernel that these options ask for. @throws MachineError where it was not made. */
export function kernelOf(given: Given): GuestKernel {
  const kernel = findKernel(ownKernel(given))
  if (!kernel) throw new MachineError('the guest kernel is not there', 'isobench image build')
  return kernel
}

/** `Linux 6.12.117+deb13-cloud-amd64`. */
export const kernelName = (given: Given): string => `Linux ${findKernel(ownKernel(given))?.release}`
