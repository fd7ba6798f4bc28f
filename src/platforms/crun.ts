import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import type { HostArgv } from '../host/process.ts'
import { runtimeBinary, runtimeBinaryProblem } from './shared/binaries.ts'
import { type OciRuntime, runOnce, startContainer } from './shared/oci.ts'

export const unifiedHierarchy = '/sys/fs/cgroup/unified'

/** crun refuses a v1 host whose unified hierarchy has any controller at all ("drop all controllers from cgroupv2"). */
export function hasHybridControllers(): boolean {
  try {
    return readFileSync(`${unifiedHierarchy}/cgroup.controllers`, 'utf8').trim() !== ''
  } catch {
    return false
  }
}

// A constant text: the runtime's argv comes as positional parameters, and nothing of a user's is interpreted.
const withoutUnified: HostArgv = ['unshare', '--mount', 'sh', '-c', `umount ${unifiedHierarchy} && exec "$@"`, 'sh']

const options = z.strictObject({
  flags: z.array(z.string()).readonly().default([]),
  binary: runtimeBinary('crun'),
})
type Options = z.output<typeof options>

const programOf = ({ binary = 'crun' }: Options) => binary

/** Argv that runs `argv`, which ends up in crun, where crun does not see what it refuses. */
export const hideHybridHierarchy = (argv: HostArgv): HostArgv =>
  hasHybridControllers() ? [...withoutUnified, ...argv] : argv

const runtime = (given: Options): OciRuntime => ({
  command: (state) => hideHybridHierarchy([programOf(given), '--root', state, ...given.flags]),
  bundleOption: '--bundle',
  detachOption: '--detach',
})

/** crun, called directly. */
export const crun = defineDriver<Options>({
  kind: 'crun',
  family: 'container',
  description: 'the OCI runtime in C, without a daemon',
  options,
  requirements: (given) => [{ binary: programOf(given), package: 'crun' }],
  version: (given) => [programOf(given), '--version'],
  preflight: async ({ binary }) => runtimeBinaryProblem('crun', binary),
  oneShot: async (place, argv, given) => runOnce(runtime(given), place, argv),
  boot: (place, given) => startContainer(runtime(given), place),
})
