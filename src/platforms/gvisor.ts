import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { hostEnvironment } from '../host/environment.ts'
import type { Requirement } from '../host/packages.ts'
import type { HostArgv } from '../host/process.ts'
import { type BuildSelection, findBuild } from '../host/releases/build.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import { buildOptions, releaseRequirement, requireOneBuild, runtimeBinaryProblem } from './shared/binaries.ts'
import { containerSnapshots, type OciRuntime, ociSteps, runOnce, startContainer } from './shared/oci.ts'

/** How the sentry intercepts the guest's system calls. */
export const modeSchema = z.enum(['systrap', 'ptrace', 'kvm'])
export type Mode = z.output<typeof modeSchema>

/** Global flags of runsc. `--platform` is refused: the last of two wins, and then the option `mode` could be wrong. */
export const runscFlagsSchema = z
  .array(
    z.string().refine((flag) => !/^--?platform(=|$)/.test(flag), {
      message: `set the sentry's platform with mode: ${modeSchema.options.map((name) => `'${name}'`).join(' or ')}`,
    }),
  )
  .readonly()
  .default([])

interface Sentry {
  readonly mode?: Mode | undefined
  readonly flags: readonly string[]
}

/** Returns the global flags of runsc. Without a mode, runsc uses its default. */
export const runscFlags = ({ mode, flags }: Sentry): readonly string[] => [
  ...(mode === undefined ? [] : [`--platform=${mode}`]),
  ...flags,
]

/** The same options for an engine, which are allowed only with the runtime runsc. */
export const engineOptions = { mode: modeSchema.optional(), flags: runscFlagsSchema }

/** Refuses them with any other runtime. For `superRefine` of an engine's options. */
export function requireRunsc(
  { runtime, mode, flags }: Sentry & { readonly runtime: string },
  context: z.RefinementCtx,
): void {
  if (runtime === 'runsc') return
  const names = [...(mode === undefined ? [] : ['mode']), ...(flags.length === 0 ? [] : ['flags'])]
  for (const name of names) {
    const message = `is an option of gVisor, but the runtime is "${runtime}": set runtime: 'runsc', or omit ${name}`
    context.addIssue({ code: 'custom', path: [name], message })
  }
}

/**
 * In the first second, reading the clock is a system call of the guest and takes 60 times as long. The sentry samples
 * the host's clock at its start and then every second (`ApproxUpdateInterval` in pkg/sentry/time/parameters.go). It
 * needs two samples before programs can read the clock in the vDSO.
 */
export const sentryCalibrationMs = 1000

/** Returns why this mode is unavailable on this host. */
export const modePreflight = async (mode: Mode | undefined) => (mode === 'kvm' ? kvmPreflight() : undefined)

/** Returns how guest code is executed in this mode. */
export const cpuModeOf = async (mode: Mode | undefined) => (mode === 'kvm' ? kvmCpuMode() : 'hardware')

const optionsSchema = z
  .strictObject({ mode: modeSchema.default('systrap'), flags: runscFlagsSchema, ...buildOptions('runsc') })
  .superRefine(requireOneBuild)
type Options = z.output<typeof optionsSchema>

const program = { release: 'gvisor', program: 'runsc' }

/**
 * Returns runsc as a program of the host. Since July 2026 it starts programs of the folder `gvisor-bin` beside itself,
 * so it has to be started at its path in the release.
 */
export const runscProgram = (selection: BuildSelection): string => findBuild(program, selection).binary

/**
 * runsc interprets `net/core/rmem_default` as a sign of the root network namespace and then refuses its own network
 * stack. Newer kernels have that file in every namespace, so it is hidden from runsc. The script is constant: the
 * runtime's argv is passed as positional parameters.
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
 * The same for the runtime of an engine. Returns argv that runs `argv`, a command that calls runsc. An engine calls the
 * runtime outside of the guest's network namespace. A mount on `core` would only affect the engine's own namespace;
 * `net` is shared.
 */
export const hidingNetFiles = (argv: HostArgv): HostArgv =>
  existsSync('/proc/sys/net/core/rmem_default')
    ? ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc/sys/net && exec "$@"', 'sh', ...argv]
    : argv

const runtime = (options: Options): OciRuntime => ({
  command: (state) =>
    [
      ...(existsSync('/proc/sys/net/core/rmem_default') ? hidingNetCore : []),
      runscProgram(options),
      '--root',
      state,
      ...runscFlags(options),
    ] as readonly string[] as HostArgv,
  bundleOption: '-bundle',
  detachOption: '-detach',
})

/** For guests that are saved: without a network, because a restored one would have the address of the saved one. */
const snapshotRuntime = (options: Options) => ({
  ...runtime({ ...options, flags: [...options.flags, '--network=none'] }),
  snapshotOptions: (folder: string) => [`-image-path=${folder}`],
})

/** Releases before 2023, such as bookworm's, have neither systrap nor directfs. */
const hasDirectfs = (program: string): boolean => {
  const { stdout, stderr } = spawnSync(program, ['flags'], { encoding: 'utf8', env: hostEnvironment() })
  return /-directfs\b/.test(stdout + stderr)
}

/** The runsc that platforms need. */
export function gvisorRequirement(selection: BuildSelection): Requirement {
  const requirement = releaseRequirement(program, selection, { package: 'runsc', backports: true })
  return requirement.build?.version !== undefined
    ? requirement
    : { ...requirement, isRecentEnough: () => hasDirectfs(requirement.binary) }
}

/** gVisor: an application kernel in Go between the guest and the host. */
export const gvisor = defineDriver({
  kind: 'gvisor',
  family: 'secure-container',
  description: 'runsc, an application kernel between the guest and the host',
  options: optionsSchema,
  requirements: (options) => [gvisorRequirement(options)],
  version: (options) => [runscProgram(options), '--version'],
  preflight: async ({ mode, binary }) => runtimeBinaryProblem('runsc', binary) ?? modePreflight(mode),
  cpuMode: async ({ mode }) => cpuModeOf(mode),
  oneShot: async (sandbox, argv, options) => runOnce(runtime(options), sandbox, argv),
  bootSteps: async (sandbox, argv, options) => ociSteps(runtime(options), sandbox, argv),
  clockCalibrationMs: () => sentryCalibrationMs,
  boot: (sandbox, options) => startContainer(runtime(options), sandbox),
  snapshots: containerSnapshots(snapshotRuntime),
})
