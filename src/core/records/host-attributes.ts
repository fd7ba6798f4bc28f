import { type FingerprintInput, hostFingerprint } from './fingerprint.ts'

/** What hosts can have in common: their fingerprints, and coarser values that are derived from them. */

/** What a host has that lacks an attribute, such as a parameter of the kernel or a platform. */
export const absent = 'not set'

/** `mitigations=off` as an attribute for itself: `kernel parameter mitigations` is `off`. */
function kernelParameters(commandLine: string): Record<string, string> {
  const values = new Map<string, string[]>()
  for (const word of commandLine.split(' ').filter(Boolean)) {
    const [name = '', ...value] = word.split('=')
    values.set(name, [...(values.get(name) ?? []), value.length > 0 ? value.join('=') : 'set'])
  }
  return Object.fromEntries([...values].map(([name, all]) => [`kernel parameter ${name}`, all.join(', ')]))
}

/** Hosts with unlike details may share the state: `Mitigation: PTI` and `Mitigation: PTI; STIBP: conditional`. */
const stateOf = (mitigation: string): string =>
  /^(Vulnerable|Not affected|Mitigation)/.exec(mitigation)?.[0] ?? mitigation

/**
 * The attributes of a host by name. Names of hosts are not among them: each host has another one.
 * The kernel's command line is split into its parameters.
 */
export function hostAttributes(input: FingerprintInput): Record<string, string> {
  const { 'kernel command line': commandLine = '', ...fingerprint } = hostFingerprint(input, { includeConfig: true })
  const { cpu, distribution, kernel, memoryBytes, mitigations } = input.environment
  return {
    ...fingerprint,
    'CPU vendor': /\b(Intel|AMD|ARM|Neoverse|Apple)\b/i.exec(cpu.model)?.[1] ?? 'other',
    memory: `${Math.round(memoryBytes / 2 ** 30)} GiB`,
    ...(distribution !== undefined && { distribution }),
    'kernel series': /^\d+\.\d+/.exec(kernel)?.[0] ?? kernel,
    ...Object.fromEntries(
      Object.entries(mitigations).map(([name, state]) => [`state of mitigation ${name}`, stateOf(state)]),
    ),
    ...kernelParameters(commandLine),
  }
}
