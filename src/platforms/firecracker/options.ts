import * as z from 'zod'
import { kernelOptions } from '../kernel-options.ts'
import { runtimeBinary } from '../runtime-binary.ts'

export const options = z.strictObject({
  /** Another build than the one in PATH. */
  binary: runtimeBinary('firecracker', 'Firecracker v'),
  /** Starts it through its jailer: `true` for the one in PATH, or the whole path of one. */
  jailer: z.union([z.boolean(), z.string().regex(/^\//, 'give the whole path of the program')]).default(false),
  ...kernelOptions,
})

export type Options = z.output<typeof options>
