import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { findBuild } from '../host/releases/build.ts'
import { buildOptions, releaseRequirement, requireOneBuild } from './shared/binaries.ts'
import { type OciRuntime, ociSteps, runOnce, startContainer } from './shared/oci.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

const optionsSchema = z
  .strictObject({
    flags: z.array(z.string()).readonly().default([]),
    ...buildOptions('youki', 'youki version'),
    ...securityOption,
  })
  .superRefine(requireOneBuild)
type Options = z.output<typeof optionsSchema>

const program = { release: 'youki', program: 'youki' }

const programOf = (options: Options) => findBuild(program, options).binary

const runtime = (options: Options): OciRuntime => ({
  command: (state) => [programOf(options), '--root', state, ...options.flags],
  bundleOption: '--bundle',
  detachOption: '--detach',
  security: options.security,
  // It takes the rest from the bundle.
  execOptions: options.security === 'none' ? [] : ['--no-new-privs'],
})

/** youki, called directly. */
export const youki = defineDriver({
  kind: 'youki',
  family: 'container',
  description: 'the OCI runtime in Rust, without a daemon',
  options: optionsSchema,
  requirements: (options) => [releaseRequirement(program, options)],
  version: (options) => [programOf(options), '--version'],
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => runOnce(runtime(options), sandbox, argv),
  bootSteps: async (sandbox, argv, options) => ociSteps(runtime(options), sandbox, argv),
  boot: (sandbox, options) => startContainer(runtime(options), sandbox),
})
