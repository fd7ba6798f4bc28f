import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { hostEnvironment } from '../host/environment.ts'
import { type Requirement, which } from '../host/packages.ts'
import type { HostArgv } from '../host/process.ts'
import { type BuildSelection, findBuild } from '../host/releases/build.ts'
import { buildOptions, releaseRequirement, requireOneBuild, runtimeBinaryProblem } from './shared/binaries.ts'
import { criuSnapshots } from './shared/criu.ts'
import { type OciRuntime, ociSteps, runOnce, startContainer } from './shared/oci.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

export const unifiedHierarchy = '/sys/fs/cgroup/unified'

/**
 * Returns whether crun would refuse this v1 host: its unified hierarchy has controllers ("drop all controllers from
 * cgroupv2").
 */
export function hasHybridControllers(): boolean {
  try {
    return readFileSync(`${unifiedHierarchy}/cgroup.controllers`, 'utf8').trim() !== ''
  } catch {
    return false
  }
}

// The script is constant: the runtime's argv is passed as positional parameters, so the shell does not interpret it.
const withoutUnified: HostArgv = ['unshare', '--mount', 'sh', '-c', `umount ${unifiedHierarchy} && exec "$@"`, 'sh']

const optionsSchema = z
  .strictObject({ flags: z.array(z.string()).readonly().default([]), ...buildOptions('crun'), ...securityOption })
  .superRefine(requireOneBuild)
type Options = z.output<typeof optionsSchema>

const program = { release: 'crun', program: 'crun' }

/** Returns crun as a program of the host. */
export const crunProgram = (selection: BuildSelection): string => findBuild(program, selection).binary

/** The crun that platforms need. */
export const crunRequirement = (selection: BuildSelection): Requirement =>
  releaseRequirement(program, selection, { package: 'crun' })

/**
 * Returns argv that runs `argv`, a command that calls crun, with the unified hierarchy unmounted if crun would refuse
 * it.
 */
export const hideHybridHierarchy = (argv: HostArgv): HostArgv =>
  hasHybridControllers() ? [...withoutUnified, ...argv] : argv

const runtime = (options: Options): OciRuntime => ({
  command: (state) => hideHybridHierarchy([crunProgram(options), '--root', state, ...options.flags]),
  bundleOption: '--bundle',
  detachOption: '--detach',
  security: options.security,
  // It takes the rest from the bundle.
  execOptions: options.security === 'none' ? [] : ['--no-new-privs'],
})

/** Returns whether this output of `crun --version` is of a build with CRIU. */
export const hasCriu = (version: string): boolean => /(^|\s)\+CRIU(\s|$)/.test(version)

/** The library of CRIU. A build of crun that is not static loads it first when it saves a container. */
const criuLibrary = 'libcriu.so.2'

/**
 * Returns whether a crun needs the library of CRIU, and the host lacks it. The package of crun only recommends it.
 * @param program the content of crun
 * @param libraries the output of `ldconfig -p`
 */
export const lacksCriuLibrary = (program: Buffer, libraries: string): boolean =>
  program.includes(criuLibrary) && !libraries.includes(criuLibrary)

/** Returns why a build of crun cannot save containers. */
function buildObstacle(options: Options): Unavailable | undefined {
  const name = crunProgram(options)
  const print = (...argv: [string, string]) =>
    spawnSync(argv[0], [argv[1]], { encoding: 'utf8', env: hostEnvironment() }).stdout ?? ''
  if (!hasCriu(print(name, '--version')))
    return {
      reason: `${name} was built without CRIU`,
      fix: 'set binary to a crun with +CRIU in crun --version, such as that of Debian 13',
    }
  const path = which(name)
  if (path === undefined || !lacksCriuLibrary(readFileSync(path), print('ldconfig', '-p'))) return undefined
  return { reason: `${name} does not find ${criuLibrary}`, fix: 'apt-get install libcriu2' }
}

/** crun, called directly. */
export const crun = defineDriver({
  kind: 'crun',
  family: 'container',
  description: 'the OCI runtime in C, without a daemon',
  options: optionsSchema,
  requirements: (options) => [crunRequirement(options)],
  version: (options) => [crunProgram(options), '--version'],
  preflight: async ({ binary }) => runtimeBinaryProblem('crun', binary),
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => runOnce(runtime(options), sandbox, argv),
  bootSteps: async (sandbox, argv, options) => ociSteps(runtime(options), sandbox, argv),
  boot: (sandbox, options) => startContainer(runtime(options), sandbox),
  snapshots: criuSnapshots(runtime, buildObstacle),
})
