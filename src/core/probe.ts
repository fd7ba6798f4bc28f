import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { DefinitionError } from '../dsl/author-error.ts'
import type { PlatformSpec } from '../dsl/platform.ts'
import { IsobenchError, messageOf, sanitizeLine } from '../errors.ts'
import { runHostCommand } from '../guest/host.ts'
import type { Image } from '../guest/image/image.ts'
import { describeMissing, installCommand, missing } from '../guest/requirements.ts'
import { runTimed } from '../guest/stopwatch.ts'
import { createBusyboxRootfs } from '../guest/tiny-root.ts'
import { closestMatch } from '../nearest.ts'
import { type Driver, type ProbeResult, platformFamily } from '../platforms/driver.ts'
import { ProjectError } from './errors.ts'
import type { PlannedPlatform } from './plan/plan.ts'
import type { Session } from './session.ts'
import { bootTimeout } from './time-limits.ts'

/** A platform of the config with the driver that runs it and its checked options. */
export interface ResolvedPlatform {
  readonly spec: PlatformSpec
  readonly driver: Driver
  readonly options: unknown
}

/**
 * Finds each platform's driver and checks its options.
 * @throws AuthoringError naming every platform of the config that cannot be used.
 */
export function resolvePlatforms(
  specs: readonly PlatformSpec[],
  drivers: Readonly<Record<string, Driver>>,
  file: string,
): ResolvedPlatform[] {
  const resolved = specs.map((spec): ResolvedPlatform | DefinitionError => {
    const driver =
      (spec.driver as Driver | undefined) ?? (Object.hasOwn(drivers, spec.kind) ? drivers[spec.kind] : undefined)
    if (!driver) {
      const close = closestMatch(spec.kind, Object.keys(drivers))
      const fix = close
        ? `did you mean "${close}"?`
        : `use one of: ${Object.keys(drivers).join(', ')}, or give your own: { driver }`
      return new DefinitionError(`there is no platform "${spec.kind}"`, fix, spec.location)
    }
    try {
      return { spec, driver, options: driver.options.parse(spec.options) }
    } catch (error) {
      return new DefinitionError(
        `the options of platform "${spec.name}" are wrong: ${optionIssues(error)}`,
        fixFor(error, driver),
        spec.location,
      )
    }
  })
  const wrong = resolved.filter((one) => one instanceof DefinitionError)
  if (wrong.length > 0) {
    throw new ProjectError(
      wrong.map(({ message, fix, location }) => ({ file, message, fix, ...(location && { location }) })),
    )
  }
  return resolved as ResolvedPlatform[]
}

interface Issue {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** What a driver takes, where its schema tells and an option is unknown to it: a wrong value has its own message. */
function fixFor(error: unknown, { kind, options }: Driver): string {
  const issues = (error as { issues?: readonly Issue[] }).issues
  if (issues && !issues.some(({ code }) => code === 'unrecognized_keys')) return `see "${kind}" in docs/platforms.md`
  const { shape } = options as { readonly shape?: object }
  const names = Object.keys(shape ?? {})
  if (shape === undefined) return 'see docs/platforms.md'
  const what = names.length === 0 ? 'has no options' : `takes ${names.join(', ')}`
  return `"${kind}" ${what}: see docs/platforms.md`
}

function optionIssues(error: unknown): string {
  const issues = (error as { issues?: readonly Issue[] }).issues
  if (!issues) return messageOf(error)
  return issues.map(({ path, message }) => [path.map(String).join('.'), message].filter(Boolean).join(': ')).join('; ')
}

/**
 * Finds out whether each platform works here, by booting one process on it. `image` is left out where none is built. Those
 * whose CPUs are emulated are probed one after the other, for they all use the same CPUs; they are left alone when `skip` has
 * the word `emulated`. `probed` hears of each platform when its answer is there.
 */
export async function probePlatforms(
  platforms: readonly ResolvedPlatform[],
  session: Session,
  image: Image | undefined,
  skip: readonly string[] = [],
  probed: (name: string) => void = () => {},
): Promise<PlannedPlatform[]> {
  const tiny = await session.directory('probe')
  createBusyboxRootfs(tiny)
  const serialQueue = queue()
  const probes = await Promise.allSettled(
    platforms.map(async (platform) => {
      const { name, kind, tags } = platform.spec
      const probe = await probeOne(platform, { tiny, image, session, skip, serialQueue })
      probed(name)
      return {
        name,
        kind,
        family: platformFamily(platform.driver, platform.options),
        tags,
        ...(!platform.driver.vmmStart && { lacks: ['vmm-start' as const] }),
        ...probe,
        version: probe.version ?? '',
      }
    }),
  )
  // Only when all have ended: whoever disposes of the session must not do it while a place is being made.
  return probes.map((probe) => {
    if (probe.status === 'rejected') throw probe.reason
    return probe.value
  })
}

interface Probing {
  /** A root filesystem of busybox alone. */
  readonly tiny: string
  readonly image: Image | undefined
  readonly session: Session
  readonly skip: readonly string[]
  readonly serialQueue: Queue
}

/** Runs what it is given one after the other. */
type Queue = <T>(work: () => Promise<T>) => Promise<T>

function queue(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }
}

/** Whether a profile that skips these words leaves the platform out. */
export const isSkipped = async (
  { driver, options }: Pick<ResolvedPlatform, 'driver' | 'options'>,
  skip: readonly string[],
): Promise<boolean> => skip.includes('emulated') && (await driver.cpuMode?.(options)) === 'emulated'

async function probeOne(platform: ResolvedPlatform, probing: Probing): Promise<ProbeResult> {
  const { image, skip, serialQueue } = probing
  const { spec, driver, options } = platform
  const lacking = missing(driver.requirements(options))
  if (lacking.length > 0) {
    const fix = [installCommand(lacking), ...lacking.map(({ installHint: hint }) => hint)].filter(Boolean).join('; ')
    return { available: false, reason: describeMissing(lacking), ...(fix && { fix }) }
  }
  const version = await versionOf(driver, options)
  const obstacle = await driver.preflight?.(options)
  const apart = await driver.cpuMode?.(options)
  if (obstacle !== undefined) {
    const why = typeof obstacle === 'string' ? { reason: obstacle } : obstacle
    return { available: false, version, ...why, ...(apart && { cpuMode: apart }) }
  }
  const wanted = driver.requiredImageFiles?.(options) ?? []
  const unfit = wanted.length > 0 ? missingImageFiles(image, wanted) : undefined
  if (unfit) return { available: false, ...unfit, version }
  if (await isSkipped(platform, skip)) {
    const fix = `--platform ${spec.name}, or a profile that does not skip what is emulated: --profile full`
    return { available: false, reason: 'left out: its CPUs are emulated in software here', fix, version }
  }
  const details = await driver.versionDetails?.(options)
  const known = { version: details ? `${version} (${details})` : version, ...(apart && { apart }) }
  const emulated = apart === 'emulated'
  const rootfs = wanted.length > 0 ? image!.rootfs : undefined
  const boot = () => bootOnce(platform, probing, { rootfs, limit: bootTimeout(emulated) })
  const failure = await (emulated ? serialQueue(boot) : boot())
  return failure ? { available: false, ...failure, ...known } : { available: true, ...known }
}

/** Boots one process. Resolves with why that did not work. */
async function bootOnce(
  { spec, driver, options }: ResolvedPlatform,
  { tiny, session }: Probing,
  { rootfs = tiny, limit }: { readonly rootfs?: string | undefined; readonly limit: number },
): Promise<{ readonly reason: string; readonly fix?: string } | undefined> {
  try {
    session.signal.throwIfAborted()
    await using place = await session.createSandbox(rootfs, limit)
    const argv = await driver.oneShot(place, ['/bin/busybox', 'true'], options)
    await runTimed(argv, { timeoutMs: limit * 1000, signal: session.signal, label: `a boot on ${spec.name}` })
    return undefined
  } catch (error) {
    session.signal.throwIfAborted()
    const fix = error instanceof IsobenchError ? error.fix : undefined
    return { reason: messageOf(error), ...(fix && { fix }) }
  }
}

/** Why a platform that needs these files cannot boot from the image, and what would mend it. */
function missingImageFiles(
  image: Image | undefined,
  wanted: readonly { readonly file: string; readonly package: string }[],
): { readonly reason: string; readonly fix: string } | undefined {
  if (!image) return { reason: 'it boots from the image, which is not built yet', fix: 'isobench image build' }
  // A link of the image's points into the image, not to the host's file of that name.
  const lacking = wanted.filter(({ file }) => !lstatSync(join(image.rootfs, file), { throwIfNoEntry: false }))
  if (lacking.length === 0) return undefined
  return {
    reason: `the image has no ${lacking.map(({ file }) => file).join(', ')}`,
    fix: `install ${lacking.map((one) => one.package).join(', ')} in ${image.rootfs}`,
  }
}

async function versionOf(driver: Driver, options: unknown): Promise<string> {
  const argv = driver.version?.(options)
  if (!argv) return ''
  try {
    const line = (await runHostCommand(argv, { timeout: 10 })).split('\n').find((text) => /\d/.test(text)) ?? ''
    return sanitizeLine(/\d[\w.+~:-]*/.exec(line)?.[0] ?? line.trim(), 60)
  } catch (error) {
    return sanitizeLine(messageOf(error), 60)
  }
}
