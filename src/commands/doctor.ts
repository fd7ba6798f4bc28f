import { existsSync } from 'node:fs'
import pc from 'picocolors'
import { exitCodes } from '../core/judge/exit-code.ts'
import { CleanupProblems } from '../core/measure/cleanup-problems.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { tryGuest } from '../core/measure/try-guest.ts'
import type { PlannedPlatform } from '../core/model/plan.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { selectPlatforms } from '../core/project/plan.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../core/project/platforms.ts'
import { ensureArtifacts, ensureDependencies, requiredArtifacts } from '../core/session/artifacts.ts'
import { type BuildInUse, buildsInUse } from '../core/session/builds.ts'
import { HostSession } from '../core/session/host-session.ts'
import { probePlatforms, probeTraceSources, type TraceSourceProbe } from '../core/session/probe.ts'
import { hostDistribution } from '../host/distribution.ts'
import { checkHost, type HostCheck } from '../host/host-checks.ts'
import { findImage, imagePath } from '../host/image.ts'
import { baseRequirements, imageRequirements, installFix, missing } from '../host/packages.ts'
import { drivers } from '../platforms/index.ts'
import { securityText } from '../reporters/summary.ts'
import { sanitize, truncate, wrap } from '../util/text.ts'
import { isUsable, type Kvm, refreshKvmProbe } from '../vm/kvm.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { distributionText, hostCheckText } from './doctor-host.ts'
import { problemText } from './errors.ts'
import { type Options, pickOptions, sharedOptions } from './options.ts'
import { confirm } from './setup.ts'

interface Diagnosis {
  readonly platforms: readonly PlannedPlatform[]
  /** Why nobody should rely on a platform yet, by its name. */
  readonly experimental: Readonly<Record<string, string>>
  /** The builds of programs that isobench can provision. */
  readonly builds: readonly BuildInUse[]
  readonly tools: readonly { readonly name: string; readonly available: boolean; readonly fix?: string }[]
  /** Whether /dev/kvm works, measured with a small guest. */
  readonly kvm: Kvm
  /** What VMs need beside the image: kernels, disks and initramfs files. */
  readonly artifacts: readonly { readonly name: string; readonly path: string; readonly made: boolean }[]
  /** The sources of attack profiles. */
  readonly traceSources: readonly TraceSourceProbe[]
  readonly image: { readonly path: string; readonly built: boolean }
  /** The distribution of this host, and the one with the package names that isobench uses. */
  readonly distribution: { readonly name: string; readonly packages: string | null; readonly exact: boolean }
  /** Limits of this host. They do not make `doctor` fail, but a platform that does not work because of them does. */
  readonly host: readonly HostCheck[]
}

/** `80 days`, or `28 months`. */
const ageText = (days: number): string =>
  days < 90 ? `${days} day${days === 1 ? '' : 's'}` : `${Math.round(days / 30.44)} months`

const sourceTexts: Record<BuildInUse['source'], string> = {
  config: 'binary of the config',
  version: 'provisioned, version of the config',
  provisioned: 'provisioned',
  path: 'PATH',
}

/** Describes a build: `runsc 20240729.0 (PATH), 28 months old; 26 months older than 20261005.0`. */
export function buildText(build: BuildInUse): string {
  const { release, program, version, source, ageDays, newest, daysBehind, isOlderVersion } = build
  const age = ageDays === undefined ? '' : `, ${ageText(ageDays)} old`
  const what = `${program} ${version ?? 'of unknown version'} (${sourceTexts[source]})${age}`
  if (isOlderVersion) return `${what}; ${newest?.version} is known (isobench provision ${release})`
  return daysBehind === undefined ? what : `${what}; ${ageText(daysBehind)} older than ${newest?.version}`
}

/** Joins the platforms that use the same build. */
function distinctBuilds(
  builds: readonly BuildInUse[],
): readonly (BuildInUse & { readonly users: readonly string[] })[] {
  const users = new Map<string, { build: BuildInUse; users: string[] }>()
  for (const build of builds) {
    const same = users.get(build.binary) ?? { build, users: [] }
    same.users.push(build.platform)
    users.set(build.binary, same)
  }
  return [...users.values()].map(({ build, users }) => ({ ...build, users }))
}

function table(
  { platforms, experimental, builds, tools, kvm, artifacts, traceSources, image, distribution, host }: Diagnosis,
  io: CommandIo,
  verbose: boolean,
): string {
  const { green, yellow, dim } = pc.createColors(io.color)
  const distinct = distinctBuilds(builds).map((build) => ({ ...build, name: build.release }))
  const hostLines = [distributionText(distribution), ...host.map(hostCheckText)]
  const named = [...platforms, ...distinct, ...tools, ...artifacts, ...traceSources, ...hostLines]
  const width = Math.max(...named.map(({ name }) => name.length)) + 2
  const room = Math.max(30, (io.out.columns || 80) - 2 - width)
  const line = (state: boolean | 'warning', name: string, what: string, fix?: string) => {
    const lines = [...wrap(sanitize(what), room), ...(fix ? wrap(`fix: ${sanitize(fix)}`, room).map(dim) : [])]
    const sign = state === 'warning' ? yellow('!') : state ? green('✓') : yellow('✗')
    return `${sign} ${name.padEnd(width)}${lines.join(`\n  ${' '.repeat(width)}`)}\n`
  }
  return [
    'Platforms\n',
    ...platforms.map(({ available, name, version, security, reason, fix }) => {
      const mark = experimental[name] === undefined ? '' : `; experimental: ${experimental[name]}`
      if (!available) return line(false, name, (reason ?? '') + mark, fix)
      const details = verbose && security ? `; ${securityText(security)}: ${security.capabilities.join(' ')}` : ''
      return line(true, name, (version || 'works') + details + mark, fix)
    }),
    distinct.length > 0 ? '\nBuilds\n' : '',
    ...distinct.map((build) => {
      const isOld = build.daysBehind !== undefined
      const what = `${buildText(build)}; used by ${build.users.join(', ')}`
      return line(isOld ? 'warning' : true, build.name, what, isOld ? `isobench provision ${build.release}` : undefined)
    }),
    '\nTools\n',
    ...tools.map(({ available, name, fix }) => line(available, name, available ? 'installed' : 'missing', fix)),
    line(
      image.built,
      'image',
      image.built ? image.path : 'not built yet',
      image.built ? undefined : 'isobench image build',
    ),
    line(isUsable(kvm), 'kvm', `${kvm.state}: ${kvm.about}`),
    ...artifacts.map(({ name, path, made }) =>
      line(made, name, made ? path : 'not built yet', made ? undefined : 'isobench image build'),
    ),
    '\nHost\n',
    ...hostLines.map(({ ok, name, text, fix }) => line(ok, name, text, fix)),
    '\nTrace sources of attack profiles\n',
    ...traceSources.map(({ name, description, available, reason, fix }) =>
      line(available, name, available ? description : (reason ?? ''), fix),
    ),
  ].join('')
}

/** Calls `report` with the seconds that passed: after 2 s, then every 5 s. */
function progressTicker(report: (seconds: number) => void): Disposable {
  const started = performance.now()
  let timer = setTimeout(function tick() {
    report(Math.round((performance.now() - started) / 1000))
    timer = setTimeout(tick, 5000)
  }, 2000)
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

export const command = defineCommand({
  description:
    'Checks which platforms, tools and trace sources work on this host, and prints how to fix the rest. ' +
    'Exits with code 5 if a platform does not work.',
  arguments: [
    {
      name: 'platforms',
      description: 'names of platforms (default: all of the config)',
      variadic: true,
      completion: 'platforms',
    },
  ],
  options: {
    platform: { ...sharedOptions.platform, excludesArguments: true },
    ...pickOptions('json', 'verbose', 'install', 'waitForLock', 'config'),
  },
  examples: [
    { line: 'doctor', description: 'check everything' },
    { line: 'doctor gvisor kata --install', description: 'install what two platforms lack' },
  ],
  run: diagnose,
})

async function diagnose(args: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config)
  const resolved = resolvePlatforms(project.platforms, drivers, project.configFile)
  const names = selectPlatforms(
    resolved.map(({ spec }) => spec),
    args.length > 0 ? args : options.platform,
  ).map(({ name }) => name)
  const platforms = resolved.filter(({ spec }) => names.includes(spec.name))
  const print = (line: string) => void io.err.write(`${line}\n`)
  using interruption = interruptSignal(() => print('Interrupted. Cleaning up.'))
  const { signal } = interruption
  await ensureDependencies({
    install: options.install,
    needsImage: options.install,
    platforms,
    confirm: (question) => confirm(question, io),
    onProgress: print,
    signal,
    digests: project.releaseDigests,
  })
  const cleanup = new CleanupProblems(project, (problem) => io.err.write(problemText(problem, project.root)))
  const examined = await examine({ project, platforms, options, io, signal, onLeft: cleanup.add })
  // The session is disposed of, so every command of `onCleanup()` has run.
  const diagnosis: Diagnosis = {
    ...examined,
    platforms: examined.platforms.map((one) => {
      const problem = one.available ? cleanup.ofPlatform(one.name) : undefined
      return problem
        ? { ...one, available: false, reason: problem.message, ...(problem.fix && { fix: problem.fix }) }
        : one
    }),
  }
  io.out.write(options.json ? `${JSON.stringify(diagnosis, null, 1)}\n` : table(diagnosis, io, options.verbose))
  return diagnosis.platforms.every(({ available }) => available) ? exitCodes.clean : exitCodes.invalid
}

/** What `examine` needs of the command. */
interface Examination {
  readonly project: Project
  readonly platforms: readonly ResolvedPlatform[]
  readonly options: Options
  readonly io: CommandIo
  readonly signal: AbortSignal
  readonly onLeft: CleanupProblems['add']
}

async function examine({ project, platforms, options, io, signal, onLeft }: Examination): Promise<Diagnosis> {
  const print = (line: string) => void io.err.write(`${line}\n`)
  await using session = await HostSession.open(project.guest, {
    purpose: 'probing platforms',
    wait: options.waitForLock,
    onWait: ({ pid, purpose }) => print(`waiting for process ${pid}, ${purpose}`),
    signal,
    onLeft,
  })
  const image = findImage(project.image)
  if (options.install)
    await ensureArtifacts(platforms, image?.rootfs, { journal: session.journal, signal, onLine: print })
  // The preflight checks of VM platforms read the result.
  const kvm = await refreshKvmProbe()
  const probing = new Set(platforms.map(({ spec }) => spec.name))
  using _progress = progressTicker((seconds) => {
    const left = `probing for ${seconds} s, ${probing.size} of ${platforms.length} left: ${[...probing].join(', ')}`
    print(truncate(left, (io.err.columns || 80) - 1))
  })
  const distribution = hostDistribution()
  const own = platforms.filter(({ spec }) => spec.driver)
  const probed = await probePlatforms(platforms, session, image, {
    onProbed: (name) => own.some(({ spec }) => spec.name === name) || probing.delete(name),
    digests: project.releaseDigests,
  })
  const failures = new Map<string, Awaited<ReturnType<typeof tryGuest>>>()
  // One after the other, because a loop in a driver stops all that this process does.
  for (const platform of own) {
    const { name } = platform.spec
    if (probed.some((one) => one.name === name && one.available))
      failures.set(name, await tryGuest(platform, session, image?.rootfs ?? (await session.busyboxRootfs())))
    probing.delete(name)
  }
  return {
    platforms: probed.map((one) => ({
      ...one,
      ...(failures.get(one.name) && { available: false }),
      ...failures.get(one.name),
    })),
    experimental: Object.fromEntries(
      platforms.flatMap(({ spec, driver }) => (driver.experimental ? [[spec.name, driver.experimental]] : [])),
    ),
    builds: await buildsInUse(platforms),
    // The keyring has a line below Host.
    tools: [...baseRequirements, ...imageRequirements.filter(({ data }) => !data)].map((requirement) => {
      const absent = missing([requirement])
      const fix = installFix(absent)
      return { name: requirement.binary, available: absent.length === 0, ...(fix && { fix }) }
    }),
    kvm,
    traceSources: await probeTraceSources(session),
    // The probe has reported the error of a driver.
    artifacts: requiredArtifacts(platforms, image?.rootfs, () => {}).map(({ name, path }) => ({
      name,
      path,
      made: existsSync(path),
    })),
    image: { path: imagePath(project.image), built: image !== undefined },
    distribution: {
      name: distribution.name,
      packages: distribution.packages?.title ?? null,
      exact: distribution.exact,
    },
    host: checkHost(image !== undefined),
  }
}
