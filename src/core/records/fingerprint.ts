import { IsobenchError } from '../../util/errors.ts'
import type { RunRecord } from '../model/record.ts'

/** One difference between two hosts. */
export interface Difference {
  readonly what: string
  readonly baseline: string
  readonly current: string
}

/** The fields of a record or report that identify the host and the measured programs. */
export interface FingerprintInput {
  readonly environment: RunRecord['environment']
  readonly plan: {
    readonly profile: Pick<RunRecord['plan']['profile'], 'seconds'>
    readonly platforms: readonly Pick<
      RunRecord['plan']['platforms'][number],
      'name' | 'available' | 'version' | 'security'
    >[]
  }
}

/** What a fingerprint has beside the host and the versions of the platforms. */
export interface FingerprintOptions {
  /** The config, the version of isobench and the unavailable platforms: what the samples of one run share. */
  readonly includeConfig?: boolean
}

/** What a fingerprint calls the things that are not of the host, but of how isobench measured there. */
const settings = {
  guest: 'guest limits',
  image: 'image',
  seconds: 'seconds per sample',
  config: 'config',
  isobench: 'isobench',
} as const

/** What a fingerprint calls the version of a platform. */
const versionOf = (platform: string): string => `version of ${platform}`
/** What a fingerprint calls the confinement of a platform. */
const securityOf = (platform: string): string => `security of ${platform}`

/**
 * What a figure depends on and two runs must share. The live clock speed, the time and the revision are not among it.
 * Unknown values (`null`) of two hosts are equal.
 */
export function hostFingerprint(
  { environment, plan }: FingerprintInput,
  { includeConfig = false }: FingerprintOptions = {},
): Record<string, string> {
  const { cpu, guest, mitigations } = environment
  return {
    kernel: environment.kernel,
    'kernel command line': environment.commandLine,
    'CPU model': cpu.model,
    CPUs: String(cpu.count),
    'CPU governor': cpu.governor ?? 'unknown',
    SMT: cpu.smt ?? 'unknown',
    virtualization: environment.virtualization ?? 'none',
    'nested KVM': String(environment.kvm),
    'cgroup version': String(environment.cgroupVersion),
    [settings.guest]: `${guest.cpus.length} CPUs, ${guest.memoryBytes} bytes`,
    [settings.image]: environment.image,
    [settings.seconds]: String(plan.profile.seconds),
    ...Object.fromEntries(Object.entries(mitigations).map(([name, state]) => [`mitigation ${name}`, state])),
    ...Object.fromEntries(
      plan.platforms.flatMap(({ name, available, version, security }) => {
        if (available)
          return [[versionOf(name), version], ...(security ? [[securityOf(name), JSON.stringify(security)]] : [])]
        return includeConfig ? [[versionOf(name), 'cannot run']] : []
      }),
    ),
    ...(includeConfig && {
      [settings.config]: environment.configDigest,
      [settings.isobench]: environment.isobench,
    }),
  }
}

/** What differs. A platform that only one of the two has is not compared, and is no difference. */
export function differencesBetween(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): Difference[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].flatMap((what) => {
    const [x, y] = [one[what], other[what]]
    const isOfPlatform = what.startsWith(versionOf('')) || what.startsWith(securityOf(''))
    if (x === y || (isOfPlatform && (x === undefined || y === undefined))) return []
    if (what.startsWith(securityOf(''))) return [securityDifference(what, JSON.parse(x!), JSON.parse(y!))]
    return [{ what, baseline: x ?? 'unknown', current: y ?? 'unknown' }]
  })
}

type Security = NonNullable<FingerprintInput['plan']['platforms'][number]['security']>

/** Only what differs: the lists of capabilities are long. */
function securityDifference(what: string, one: Security, other: Security): Difference {
  const textOf = (of: Security, than: Security) => {
    const own = of.capabilities.filter((name) => !than.capabilities.includes(name))
    const lacks = than.capabilities.filter((name) => !of.capabilities.includes(name))
    return [
      ...(own.length > 0 ? [`with ${own.join(', ')}`] : []),
      ...(lacks.length > 0 ? [`without ${lacks.join(', ')}`] : []),
      ...(of.seccomp === than.seccomp ? [] : [`seccomp ${of.seccomp}`]),
      ...(of.seccompFilters === than.seccompFilters ? [] : [`${of.seccompFilters ?? 'unknown'} seccomp filters`]),
      ...(of.noNewPrivileges === than.noNewPrivileges
        ? []
        : [`no_new_privs ${of.noNewPrivileges ? 'set' : 'not set'}`]),
    ].join('; ')
  }
  return { what, baseline: textOf(one, other), current: textOf(other, one) }
}

const namesOfSettings: ReadonlySet<string> = new Set(Object.values(settings))

/** Whether a difference is of the host itself, and not of what was measured there and how. */
export const isOfHost = ({ what }: Difference): boolean =>
  !namesOfSettings.has(what) && !what.startsWith(versionOf('')) && !what.startsWith(securityOf(''))

/** What differs between two runs. */
export const hostDifferences = (a: FingerprintInput, b: FingerprintInput, options?: FingerprintOptions): Difference[] =>
  differencesBetween(hostFingerprint(a, options), hostFingerprint(b, options))

/** What differs between two fingerprints, one line each: `kernel: 6.1.0 and 6.12.3`. */
export const fingerprintLines = (
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): string[] =>
  differencesBetween(one, other).map(({ what, baseline, current }) => `${what}: ${baseline} and ${current}`)

/** Two runs were measured on different hosts. The command line prints the differences. */
export class DifferentHostsError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'

  constructor(readonly differences: readonly Difference[]) {
    super(
      differences.some(isOfHost)
        ? 'the two runs were measured on different hosts'
        : 'the two runs were measured on one host in different ways',
      'add --allow-different-hosts to compare them all the same',
    )
  }
}

/** @throws {DifferentHostsError} if the hosts differ */
export function assertSameHost(a: FingerprintInput, b: FingerprintInput): void {
  const differences = hostDifferences(a, b)
  if (differences.length > 0) throw new DifferentHostsError(differences)
}
