import * as z from 'zod'
import { kernelOptions } from '../kernel-options.ts'
import { runtimeBinary } from '../runtime-binary.ts'

export const options = z.strictObject({
  /** Another build than the one in PATH. */
  binary: runtimeBinary('cloud-hypervisor', 'cloud-hypervisor v'),
  ...kernelOptions,
})

export type Options = z.output<typeof options>
