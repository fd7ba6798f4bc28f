import * as z from 'zod'

/** How QEMU runs the guest's code. */
export type Accelerator = 'kvm' | 'tcg'

export const options = z.strictObject({
  machine: z.enum(['pc', 'q35', 'microvm']).default('pc'),
  firmware: z.enum(['seabios', 'qboot']).default('seabios'),
  /** Left out: KVM where it is usable, else TCG, QEMU's own emulation of the CPU. */
  accel: z.enum(['kvm', 'tcg']).optional(),
  /** A bzImage or vmlinux of the user's own, in place of Debian's. */
  kernel: z.string().optional(),
  /** The folder of its modules: `/lib/modules/<release>`. */
  modules: z.string().optional(),
})

export type Options = z.output<typeof options>
