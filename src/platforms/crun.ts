import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { defineDriver, type HostArgv } from './driver.ts'
import { type OciRuntime, openContainer, runOnce } from './oci/runtime.ts'

const unified = '/sys/fs/cgroup/unified'

/** crun refuses a v1 host whose unified hierarchy has any controller at all ("drop all controllers from cgroupv2"). */
function hasHybridControllers(): boolean {
  try {
    return readFileSync(`${unified}/cgroup.controllers`, 'utf8').trim() !== ''
  } catch {
    return false
  }
}

// A constant text: the runtime's argv comes as positional parameters, and nothing of a user's is interpreted.
const withoutUnified: HostArgv = ['unshare', '--mount', 'sh', '-c', `umount ${unified} && exec "$@"`, 'sh']

interface Options {
  readonly flags?: readonly string[] | undefined
}

/** Argv that runs `argv`, which ends up in crun, where crun does not see what it refuses. */
export const withoutHybrid = (argv: HostArgv): HostArgv =>
  hasHybridControllers() ? [...withoutUnified, ...argv] : argv

const runtime = ({ flags = [] }: Options): OciRuntime => ({
  command: (state) => withoutHybrid(['crun', '--root', state, ...flags]),
  bundleOption: '--bundle',
  detachOption: '--detach',
})

/** crun, called directly. */
export const crun = defineDriver({
  kind: 'crun',
  family: 'container',
  about: 'the OCI runtime in C, without a daemon',
  options: z.strictObject({ flags: z.array(z.string()).readonly().optional() }),
  requirements: () => [{ binary: 'crun', package: 'crun' }],
  version: () => ['crun', '--version'],
  once: async (place, argv, options) => runOnce(runtime(options), place, argv),
  open: (place, options) => openContainer(runtime(options), place),
})
