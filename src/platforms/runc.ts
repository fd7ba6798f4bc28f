import * as z from 'zod'
import { defineDriver } from './driver.ts'
import { type OciRuntime, openContainer, runOnce } from './oci/runtime.ts'

interface Options {
  readonly flags?: readonly string[] | undefined
}

const runtime = ({ flags = [] }: Options): OciRuntime => ({
  command: (state) => ['runc', '--root', state, ...flags],
  bundleOption: '--bundle',
  detachOption: '--detach',
})

/** runc, called directly. */
export const runc = defineDriver({
  kind: 'runc',
  family: 'container',
  about: 'the reference OCI runtime, without a daemon',
  options: z.strictObject({ flags: z.array(z.string()).readonly().optional() }),
  requirements: () => [{ binary: 'runc', package: 'runc' }],
  version: () => ['runc', '--version'],
  once: async (place, argv, options) => runOnce(runtime(options), place, argv),
  open: (place, options) => openContainer(runtime(options), place),
})
