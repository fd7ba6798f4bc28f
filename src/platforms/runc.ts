import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { runtimeBinary, runtimeBinaryProblem } from './shared/binaries.ts'
import { criuSnapshots } from './shared/criu.ts'
import { type OciRuntime, ociSteps, runOnce, startContainer } from './shared/oci.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

const optionsSchema = z.strictObject({
  flags: z.array(z.string()).readonly().default([]),
  binary: runtimeBinary('runc'),
  ...securityOption,
})
type Options = z.output<typeof optionsSchema>

const programOf = ({ binary = 'runc' }: Options) => binary

const runtime = (options: Options): OciRuntime => ({
  command: (state) => [programOf(options), '--root', state, ...options.flags],
  bundleOption: '--bundle',
  detachOption: '--detach',
  security: options.security,
})

/** runc, called directly. */
export const runc = defineDriver({
  kind: 'runc',
  family: 'container',
  description: 'the reference OCI runtime, without a daemon',
  options: optionsSchema,
  requirements: (options) => [{ binary: programOf(options), package: 'runc' }],
  version: (options) => [programOf(options), '--version'],
  preflight: async ({ binary }) => runtimeBinaryProblem('runc', binary),
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => runOnce(runtime(options), sandbox, argv),
  bootSteps: async (sandbox, argv, options) => ociSteps(runtime(options), sandbox, argv),
  boot: (sandbox, options) => startContainer(runtime(options), sandbox),
  snapshots: criuSnapshots(runtime),
})
