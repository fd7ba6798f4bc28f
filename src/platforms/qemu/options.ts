import * as z from 'zod'
import { kernelOptions } from '../kernel-options.ts'

/** How QEMU runs the guest's code. */
export type Accelerator = 'kvm' | 'tcg'

export const options = z.strictObject({
  machine: z.enum(['pc', 'q35', 'microvm']).default('pc'),
  firmware: z.enum(['seabios', 'qboot']).default('seabios'),
  /** Left out: KVM where it is usable, else TCG, QEMU's own emulation of the CPU. */
  accel: z.enum(['kvm', 'tcg']).optional(),
  ...kernelOptions,
})

export type Options = z.output<typeof options>
