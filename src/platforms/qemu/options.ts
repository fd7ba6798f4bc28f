import * as z from 'zod'
import { kernelOptions } from '../kernel-options.ts'

/** How QEMU runs the guest's code. */
export type Accelerator = 'kvm' | 'tcg'

const given = z.strictObject({
  machine: z.enum(['pc', 'q35', 'microvm']).default('pc'),
  firmware: z.enum(['seabios', 'qboot']).default('seabios'),
  /** Left out: KVM where it is usable, else TCG, QEMU's own emulation of the CPU. */
  accel: z.enum(['kvm', 'tcg']).optional(),
  ...kernelOptions,
  /** What /data is: a folder of the host's by virtio-fs or by 9p, or a disk of the guest's own. 9p needs the generic kernel. */
  share: z.enum(['virtiofs', '9p', 'block']).default('virtiofs'),
})

export const options = Object.assign(
  given
    .transform(({ kernel, ...rest }) => ({ ...rest, kernel: kernel ?? (rest.share === '9p' ? 'generic' : 'cloud') }))
    .refine(({ share, kernel }) => share !== '9p' || kernel !== 'cloud', {
      path: ['kernel'],
      message: "Debian's kernel for clouds has no 9p: use kernel: 'generic'",
    }),
  // By name, for messages.
  { shape: given.shape },
)

export type Options = z.output<typeof options>
