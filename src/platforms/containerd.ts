import { join } from 'node:path'
import * as z from 'zod'
import { runTask, type ShimConfig, startTask } from './containerd/task.ts'
import { defineDriver, type GuestSandbox, type Requirement } from './driver.ts'
import { hidingNetFiles } from './gvisor.ts'
import { isSecure, makeProgram, runtimeRequirement, runtimeVersionText } from './runtimes.ts'

const options = z.strictObject({
  /** The OCI runtime below it: runc and crun by runc's shim, runsc by gVisor's own. */
  runtime: z.enum(['runc', 'crun', 'runsc']).default('runc'),
})
type Options = z.output<typeof options>

/** containerd itself, its client, and the shim that comes with it. */
export const containerdRequirements: readonly Requirement[] = [
  { binary: 'containerd', package: 'containerd' },
  { binary: 'ctr', package: 'containerd' },
]

function shimFor(place: GuestSandbox, { runtime }: Options): ShimConfig {
  if (runtime === 'runsc') return { runtime: 'io.containerd.runsc.v1', options: [], around: hidingNetFiles }
  const program = runtime === 'crun' ? makeProgram(join(place.stateDir, 'runtimes', runtime), runtime) : undefined
  return { runtime: 'io.containerd.runc.v2', options: program ? [`--runc-binary=${program}`] : [] }
}

/** containerd without an engine above it, as Kubernetes' nodes have it. */
export const containerd = defineDriver<Options>({
  kind: 'containerd',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'containerd with a shim, without an engine above it',
  options,
  requirements: ({ runtime }) => [
    ...containerdRequirements,
    runtimeRequirement(runtime),
    ...(runtime === 'runsc'
      ? [
          {
            binary: 'containerd-shim-runsc-v1',
            hint: "Debian's runsc has no shim: take containerd-shim-runsc-v1 of gVisor's release",
          },
        ]
      : []),
  ],
  version: () => ['containerd', '--version'],
  versionDetails: ({ runtime }) => runtimeVersionText(runtime),
  oneShot: (place, argv, given) => runTask(place, argv, shimFor(place, given)),
  boot: (place, given) => startTask(place, shimFor(place, given)),
})
