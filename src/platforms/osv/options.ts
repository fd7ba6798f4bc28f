import * as z from 'zod'

const file = z.string().regex(/^\//, 'give the whole path of the file')

export const options = z.strictObject({
  /** The monitor that boots it. Firecracker takes raw images alone. */
  on: z.enum(['qemu', 'firecracker']).default('qemu'),
  /** An image of OSv's own tools, qcow2 or raw: `build/last/usr.img`. It is never written to. */
  image: file.optional(),
  /** OSv's kernel; left out: `loader-stripped.elf` beside the image. */
  kernel: file.optional(),
  /** OSv's options and the command that stands for a boot; left out: what is in the file `cmdline` beside the image. */
  command: z.string().optional(),
  /** What of the image stands for a workload's program: `{ sysbench: '/sysbench.so' }`. */
  programs: z.record(z.string(), z.string()).default({}),
  /** On QEMU; left out: KVM where it is usable, else TCG. */
  accel: z.enum(['kvm', 'tcg']).optional(),
})

export type Options = z.output<typeof options>
