import * as z from 'zod'
import { defineDriver } from './driver.ts'
import { type OciRuntime, openContainer, runOnce } from './oci/runtime.ts'
import { notRuntime, runtimeBinary } from './runtime-binary.ts'

const options = z.strictObject({
  flags: z.array(z.string()).readonly().default([]),
  binary: runtimeBinary('runc'),
})
type Options = z.output<typeof options>

const programOf = ({ binary = 'runc' }: Options) => binary

const runtime = (given: Options): OciRuntime => ({
  command: (state) => [programOf(given), '--root', state, ...given.flags],
  bundleOption: '--bundle',
  detachOption: '--detach',
})

/** runc, called directly. */
export const runc = defineDriver<Options>({
  kind: 'runc',
  family: 'container',
  about: 'the reference OCI runtime, without a daemon',
  options,
  requirements: (given) => [{ binary: programOf(given), package: 'runc' }],
  version: (given) => [programOf(given), '--version'],
  obstacle: async ({ binary }) => notRuntime('runc', binary),
  once: async (place, argv, given) => runOnce(runtime(given), place, argv),
  open: (place, given) => openContainer(runtime(given), place),
})
