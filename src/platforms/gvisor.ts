import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import type { Requirement } from '../host/packages.ts'
import type { HostArgv } from '../host/process.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import { runtimeBinary, runtimeBinaryProblem } from './shared/binaries.ts'
import { type OciRuntime, runOnce, startContainer } from './shared/oci.ts'

/** How the sentry gets the guest's system calls. */
export const mode = z.enum(['systrap', 'ptrace', 'kvm'])
export type Mode = z.output<typeof mode>

/** Flags of runsc's that go before its verb. The last of two is the one that counts, and a platform's `mode` is to be true. */
export const runscFlagsSchema = z
  .array(
    z.string().refine((flag) => !/^--?platform(=|$)/.test(flag), {
      message: `give the sentry's platform as mode: ${mode.options.map((one) => `'${one}'`).join(' or ')}`,
    }),
  )
  .readonly()
  .default([])

interface Sentry {
  readonly mode?: Mode | undefined
  readonly flags: readonly string[]
}

/** What runsc is given before its verb; without a mode it takes its own default. */
export const runscFlags = ({ mode, flags }: Sentry): readonly string[] => [
  ...(mode === undefined ? [] : [`--platform=${mode}`]),
  ...flags,
]

/** The same options of an engine, which has them for one of its runtimes. */
export const engineOptions = { mode: mode.optional(), flags: runscFlagsSchema }

/** Refuses them over any other runtime: to be given to the `superRefine` of an engine's options. */
export function requireRunsc(
  { runtime, mode, flags }: Sentry & { readonly runtime: string },
  context: z.RefinementCtx,
): void {
  if (runtime === 'runsc') return
  const given = [...(mode === undefined ? [] : ['mode']), ...(flags.length === 0 ? [] : ['flags'])]
  for (const name of given) {
    const message = `is gVisor's, and the runtime is "${runtime}": give runtime: 'runsc', or leave ${name} out`
    context.addIssue({ code: 'custom', path: [name], message })
  }
}

/** Why this mode cannot be had here. */
export const modePreflight = async (mode: Mode | undefined) => (mode === 'kvm' ? kvmPreflight() : undefined)

/** Why figures of this mode from here say nothing of hardware. */
export const cpuModeOf = async (mode: Mode | undefined) => (mode === 'kvm' ? kvmCpuMode() : undefined)

const options = z.strictObject({
  mode: mode.default('systrap'),
  flags: runscFlagsSchema,
  binary: runtimeBinary('runsc'),
})
type Options = z.output<typeof options>

const programOf = ({ binary = 'runsc' }: Options) => binary

/**
 * runsc takes `net/core/rmem_default` for a sign of the root network namespace and then refuses its own stack. Newer
 * kernels show that file in every namespace, so it is hidden from runsc; the binary stays as it is.
 * A constant text: the runtime's argv comes as positional parameters, and nothing of a user's is interpreted.
 */
const hidingNetCore: HostArgv = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs none /proc/sys/net/core && exec "$@"',
  'sh',
]

/**
 * The same for an engine's runtime, which is called outside the guest's network namespace: what is mounted on `core` would
 * be on the engine's own alone, and `net` is one for all of them. Argv that runs `argv`, which ends up in runsc.
 */
export const hidingNetFiles = (argv: HostArgv): HostArgv =>
  existsSync('/proc/sys/net/core/rmem_default')
    ? ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc/sys/net && exec "$@"', 'sh', ...argv]
    : argv

const runtime = (given: Options): OciRuntime => ({
  command: (state) =>
    [
      ...(existsSync('/proc/sys/net/core/rmem_default') ? hidingNetCore : []),
      programOf(given),
      '--root',
      state,
      ...runscFlags(given),
    ] as readonly string[] as HostArgv,
  bundleOption: '-bundle',
  detachOption: '-detach',
})

/** Releases before 2023 have neither systrap nor directfs; bookworm's is one of them. */
const hasDirectfs = (program: string): boolean => {
  const { stdout, stderr } = spawnSync(program, ['flags'], { encoding: 'utf8' })
  return /-directfs\b/.test(stdout + stderr)
}

/** What must be on the host for any platform over this runsc. */
export const gvisorRequirement = (binary: string): Requirement => ({
  binary,
  package: 'runsc',
  backports: true,
  isRecentEnough: () => hasDirectfs(binary),
})

/** gVisor: an application kernel in Go between the guest and the host. */
export const gvisor = defineDriver<Options>({
  kind: 'gvisor',
  family: 'secure-container',
  description: 'runsc, an application kernel between the guest and the host',
  options,
  requirements: (given) => [gvisorRequirement(programOf(given))],
  version: (given) => [programOf(given), '--version'],
  preflight: async ({ mode, binary }) => runtimeBinaryProblem('runsc', binary) ?? modePreflight(mode),
  cpuMode: async ({ mode }) => cpuModeOf(mode),
  oneShot: async (place, argv, given) => runOnce(runtime(given), place, argv),
  boot: (place, given) => startContainer(runtime(given), place),
})
