import * as z from 'zod'
import { kvmCpuMode, kvmPreflight } from '../../guest/vm/kvm.ts'

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
