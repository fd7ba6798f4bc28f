import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { type Driver, type ProbeResult, platformFamily } from '../../driver.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import type { Image } from '../../host/image.ts'
import { describeMissing, installFix, missing, type Requirement } from '../../host/packages.ts'
import { runHostCommand } from '../../host/process.ts'
import { type ProcessSecurity, parseProcessSecurity } from '../../host/process-security.ts'
import { DigestError } from '../../host/releases/errors.ts'
import { verifyInstalled } from '../../host/releases/install.ts'
import type { PinnedDigests } from '../../host/releases/release.ts'
import { installedRelease } from '../../host/releases/store.ts'
import { runTimed } from '../../host/timed-process.ts'
import { traceSources } from '../../tracing/sources.ts'
import { IsobenchError, messageOf } from '../../util/errors.ts'
import { claimStrayErrors } from '../../util/stray-errors.ts'
import { sanitize } from '../../util/text.ts'
import { bootTimeout } from '../../util/time-limits.ts'
import type { Plan, PlannedPlatform } from '../model/plan.ts'
import { endAfterLoops, strayCallError } from '../project/pending-calls.ts'
import { type ResolvedPlatform, unsupportedWorkloads } from '../project/platforms.ts'
import { messageWithPlace, ProjectCodeError } from '../project/project-code-error.ts'
import type { Exec } from './exec-target.ts'
import type { Session } from './session.ts'

/** A trace source, and whether this host's kernel supports it. */
export interface TraceSourceProbe {
  readonly name: TraceSource
  readonly description: string
  readonly available: boolean
  readonly reason?: string
  readonly fix?: string
}

/** Opens each trace source. A kernel that lists a tracer may still refuse it. */
export async function probeTraceSources(
  session: Session,
  names: readonly TraceSource[] = Object.keys(traceSources) as TraceSource[],
): Promise<TraceSourceProbe[]> {
  const probes: TraceSourceProbe[] = []
  for (const name of names) {
    const { description } = traceSources[name]
    try {
      await session.tracer(name)
      probes.push({ name, description, available: true })
    } catch (error) {
      const fix = error instanceof IsobenchError ? error.fix : undefined
      probes.push({ name, description, available: false, reason: messageOf(error), ...(fix && { fix }) })
    }
  }
  return probes
}

/**
 * Excludes the benches with a trace source that this host cannot use. Their claims are `not-evaluated`.
 * @param onNote receives a line about each missing trace source
 */
export async function excludeUntraceable<P extends Pick<Plan, 'benches' | 'cases' | 'excluded'>>(
  plan: P,
  session: Session,
  onNote: (text: string) => void,
): Promise<P> {
  const wanted = [...new Set(plan.benches.flatMap(({ workload }) => workload.traced ?? []))]
  if (wanted.length === 0) return plan
  const absent = (await probeTraceSources(session, wanted)).filter(({ available }) => !available)
  for (const { name, reason } of absent) onNote(`benches traced by ${name} are left out: ${reason}`)
  const lacking = ({ workload }: Plan['benches'][number]) => absent.find(({ name }) => name === workload.traced)
  const benches = plan.benches.filter((bench) => !lacking(bench))
  const excluded = plan.benches.flatMap((bench) => {
    const probe = lacking(bench)
    return probe ? [{ bench: bench.id, reason: 'tracer-unavailable' as const, detail: probe.reason ?? '' }] : []
  })
  return {
    ...plan,
    benches,
    cases: plan.cases.filter(({ bench }) => benches.some(({ id }) => id === bench)),
    excluded: [...plan.excluded, ...excluded],
  }
}

/** How platforms are probed. */
export interface ProbeOptions {
  /** Does not probe platforms with emulated CPUs. */
  readonly skipEmulated?: boolean | undefined
  /** Called for each platform when its result is known. */
  readonly onProbed?: (name: string) => void
  readonly exec?: Exec
  /** Digests of the config. A platform with a release from another file does not work, and is not executed. */
  readonly digests?: PinnedDigests
}

/**
 * Boots one process on each platform to find out whether the platform works on this host.
 *
 * Platforms with emulated CPUs are probed one after the other, because they all use the same CPUs. So are drivers of
 * the project, after all others, because a loop in one stops all that this process does.
 * @param image undefined if it is not built
 */
export async function probePlatforms(
  platforms: readonly ResolvedPlatform[],
  session: Session,
  image: Image | undefined,
  { skipEmulated = false, onProbed, exec = runTimed, digests = {} }: ProbeOptions = {},
): Promise<PlannedPlatform[]> {
  const tiny = await session.busyboxRootfs()
  const probing = { tiny, image, session, skipEmulated, serialQueue: queue(), exec, digests }
  const probe = async (platform: ResolvedPlatform) => {
    const { name, kind, tags } = platform.spec
    const probed = await probeOne(platform, probing)
    onProbed?.(name)
    return {
      name,
      kind,
      family: platformFamily(platform.driver, platform.options),
      tags,
      ...unsupportedWorkloads(platform.driver),
      ...probed,
      version: probed.version ?? '',
    }
  }
  const builtIn = platforms.map((platform) => (platform.root === undefined ? probe(platform) : undefined))
  const ownQueue = queue()
  void ownQueue(() => Promise.allSettled(builtIn))
  const probeNext = (platform: ResolvedPlatform) =>
    ownQueue(() => {
      session.signal.throwIfAborted()
      return probe(platform)
    })
  const probes = await Promise.allSettled(platforms.map((platform, at) => builtIn[at] ?? probeNext(platform)))
  // The session must not be disposed while a sandbox is being created, so this waits for all probes.
  return probes.map((probe) => {
    if (probe.status === 'rejected') throw probe.reason
    return probe.value
  })
}

interface Probing {
  /** A root file system that has busybox only. */
  readonly tiny: string
  readonly image: Image | undefined
  readonly session: Session
  readonly skipEmulated: boolean
  readonly serialQueue: Queue
  readonly exec: Exec
  readonly digests: PinnedDigests
}

/** Runs functions one after the other. */
type Queue = <T>(work: () => Promise<T>) => Promise<T>

function queue(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }
}

/** Whether a profile skips the platform. */
export const isSkipped = async (
  { driver, options }: Pick<ResolvedPlatform, 'driver' | 'options'>,
  skipEmulated: boolean,
): Promise<boolean> => {
  if (!skipEmulated) return false
  try {
    return (await driver.cpuMode?.(options)) === 'emulated'
  } catch (error) {
    if (error instanceof ProjectCodeError) return false
    throw error
  }
}

/** Why a platform does not work: its probe has failed with this error. */
export const reasonFrom = (error: unknown): { readonly reason: string; readonly fix?: string } => ({
  reason: messageWithPlace(error),
  ...(error instanceof IsobenchError && error.fix && { fix: error.fix }),
})

/** A driver, for messages about its code. */
export const codeOf = ({ spec, root = '/' }: Pick<ResolvedPlatform, 'spec' | 'root'>) => ({
  what: `the driver of "${spec.name}"`,
  root,
  locate: () => spec.location,
})

async function probeOne(platform: ResolvedPlatform, probing: Probing): Promise<ProbeResult> {
  const { spec } = platform
  if (platform.root === undefined) return await probeDriver(platform, probing)
  const code = codeOf(platform)
  let stray: Error | undefined
  using claim = claimStrayErrors(`the probe of ${spec.name}`, (error) => {
    stray ??= error
  })
  try {
    const result = await endAfterLoops(code, () => claim.run(() => probeDriver(platform, probing)))
    // Node.js reports a rejection that nothing handles in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (!stray) return result
    throw strayCallError(stray, code)
  } catch (error) {
    // A driver of the project that fails is no reason to keep the other platforms from running.
    if (!(error instanceof ProjectCodeError)) throw error
    return { available: false, ...reasonFrom(error), cpuMode: 'hardware' }
  }
}

/**
 * Calls the members of a driver of the project that are first needed later, so that their errors are known now.
 * @throws {ProjectCodeError} if one of them fails
 */
function tryMembers({ spec, driver, options }: ResolvedPlatform, image: Image | undefined): void {
  if (!spec.driver) return
  driver.configFiles?.(options)
  driver.programRoles?.(options)
  driver.clockCalibrationMs?.(options)
  driver.artifacts?.(options, image?.rootfs)
}

async function probeDriver(platform: ResolvedPlatform, probing: Probing): Promise<ProbeResult> {
  const { image, skipEmulated, serialQueue, digests } = probing
  const { spec, driver, options } = platform
  const requirements = driver.requirements(options)
  const lacking = missing(requirements)
  if (lacking.length > 0) {
    const fix = installFix(lacking)
    return { available: false, reason: describeMissing(lacking), ...(fix && { fix }), cpuMode: 'hardware' }
  }
  const unverified = unverifiedRelease(requirements, digests)
  if (unverified) return { available: false, ...unverified, cpuMode: 'hardware' }
  tryMembers(platform, image)
  const version = await versionOf(driver, options)
  const obstacle = await driver.preflight?.(options)
  const cpuMode = (await driver.cpuMode?.(options)) ?? 'hardware'
  if (obstacle !== undefined) {
    const why = typeof obstacle === 'string' ? { reason: obstacle } : obstacle
    return { available: false, version, ...why, cpuMode }
  }
  const wanted = driver.requiredImageFiles?.(options) ?? []
  const unfit = wanted.length > 0 ? missingImageFiles(image, wanted) : undefined
  if (unfit) return { available: false, ...unfit, version, cpuMode }
  if (await isSkipped(platform, skipEmulated)) {
    const fix = `--platform ${spec.name}, or --profile full without --findings`
    return { available: false, reason: 'excluded: its CPUs are emulated in software here', fix, version, cpuMode }
  }
  const details = await driver.versionDetails?.(options)
  const known = { version: details ? `${version} (${details})` : version, cpuMode }
  const emulated = cpuMode === 'emulated'
  const rootfs = wanted.length > 0 ? image!.rootfs : undefined
  const boot = () => bootOnce(platform, probing, { rootfs, limit: bootTimeout(emulated) })
  const booted = await (emulated ? serialQueue(boot) : boot())
  if ('reason' in booted) return { available: false, ...booted, ...known }
  // crun and youki without seccomp support ignore the profile.
  if (booted.security?.seccomp === 'none' && driver.requiresSeccomp?.(options))
    return { available: false, ...withoutFilter, ...known }
  return { available: true, ...booted, ...known }
}

/** Why a release that a platform uses is not the one that the config requires. */
function unverifiedRelease(
  requirements: readonly Requirement[],
  digests: PinnedDigests,
): { readonly reason: string; readonly fix?: string } | undefined {
  for (const { build } of requirements) {
    const installed = build?.version === undefined ? undefined : installedRelease(build.release, build.version)
    try {
      if (installed) verifyInstalled(installed, digests)
    } catch (error) {
      if (!(error instanceof DigestError)) throw error
      return { reason: error.message, ...(error.fix && { fix: error.fix }) }
    }
  }
  return undefined
}

const withoutFilter = {
  reason: "its guests have no seccomp filter, but security 'default' needs one: this build may lack seccomp support",
  fix: "use another build of the runtime, or set security: 'none' to measure without a filter",
}

/** Boots one process. Resolves to what confined it, or to why it failed. */
async function bootOnce(
  { spec, driver, options }: ResolvedPlatform,
  { tiny, session, exec }: Probing,
  { rootfs = tiny, limit }: { readonly rootfs?: string | undefined; readonly limit: number },
): Promise<{ readonly reason: string; readonly fix?: string } | { readonly security?: ProcessSecurity }> {
  try {
    session.signal.throwIfAborted()
    await using sandbox = await session.createSandbox(rootfs, limit)
    // A platform may have no /proc. Then its processes work, and what confines them stays unknown.
    const read = '/bin/busybox cat /proc/self/status || true'
    const argv = await driver.oneShot(sandbox, ['/bin/busybox', 'sh', '-c', read], options)
    const { stdout } = await exec(argv, {
      timeoutMs: limit * 1000,
      signal: session.signal,
      label: `a boot on ${spec.name}`,
    })
    const security = parseProcessSecurity(stdout)
    return security ? { security } : {}
  } catch (error) {
    session.signal.throwIfAborted()
    return reasonFrom(error)
  }
}

/** Why a platform that needs some files cannot boot from the image, and the fix. */
function missingImageFiles(
  image: Image | undefined,
  wanted: readonly { readonly file: string; readonly package: string }[],
): { readonly reason: string; readonly fix: string } | undefined {
  if (!image) return { reason: 'it boots from the image, which is not built yet', fix: 'isobench image build' }
  // A link of the image points into the image, not to the host's file of that name.
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
    return sanitize(/\d[\w.+~:-]*/.exec(line)?.[0] ?? line.trim(), 60)
  } catch (error) {
    return sanitize(messageOf(error), 60)
  }
}
