import * as z from 'zod'
import { HostError } from '../errors.ts'
import { findKernel, type GuestKernel, type KernelSource } from '../guest/vm/kernel.ts'

/** Options of every platform whose guests boot a kernel of their own. */
export const kernelOptions = {
  /**
   * Debian's kernel of the image's suite, for clouds (`cloud`, when left out) or for all machines (`generic`), or the path of a
   * bzImage or vmlinux of the user's own.
   */
  kernel: z
    .string()
    .regex(/^(cloud|generic|.*\/.*)$/, 'give "cloud", "generic" or a path')
    .optional(),
  /** The folder of an own kernel's modules: `/lib/modules/<release>`. */
  modules: z.string().optional(),
}

interface Given {
  readonly kernel?: string | undefined
  readonly modules?: string | undefined
}

/** Where the kernel that these options ask for comes from. */
export const kernelSource = ({ kernel = 'cloud', modules }: Given): KernelSource =>
  kernel === 'cloud' || kernel === 'generic' ? { debian: kernel } : { kernel, modules }

/** The kernel that these options ask for. @throws MachineError where it was not made. */
export function kernelOf(given: Given): GuestKernel {
  const kernel = findKernel(kernelSource(given))
  if (!kernel) throw new HostError('the guest kernel is not there', 'isobench image build')
  return kernel
}

/** `Linux 6.12.117+deb13-cloud-amd64`. */
export const kernelName = (given: Given): string => `Linux ${findKernel(kernelSource(given))?.release}`
