import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { runtimeBinary, runtimeBinaryProblem } from './shared/binaries.ts'
import { type OciRuntime, runOnce, startContainer } from './shared/oci.ts'

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
  description: 'the reference OCI runtime, without a daemon',
  options,
  requirements: (given) => [{ binary: programOf(given), package: 'runc' }],
  version: (given) => [programOf(given), '--version'],
  preflight: async ({ binary }) => runtimeBinaryProblem('runc', binary),
  oneShot: async (place, argv, given) => runOnce(runtime(given), place, argv),
  boot: (place, given) => startContainer(runtime(given), place),
})
