import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { findConfig, loadProject } from '../core/project/config.ts'
import { installPackages } from '../host/install-packages.ts'
import { type LockHolder, lockHost } from '../host/lock.ts'
import { describeMissing, installCommand, missing, packagesOf } from '../host/packages.ts'
import { digestsOf, installRelease, removePartialDownloads, removeRelease } from '../host/releases/install.ts'
import { releasesFor } from '../host/releases/manifest.ts'
import { hostArch, type PinnedDigests, type Release } from '../host/releases/release.ts'
import { installedRelease, installedReleases, missingPrograms } from '../host/releases/store.ts'
import { unpackRequirements } from '../host/releases/unpack.ts'
import { HostError, UsageError } from '../util/errors.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, list, type OptionTable, pickOptions, sharedOptions } from './options.ts'
import { assertRemovable, mirrorOf, refuseConflicts, releaseOf, split } from './provision-arguments.ts'
import { type FetchOptions, fetchPlan, installedText, listText, ProvisionProgress, planText } from './provision-text.ts'
import { confirm } from './setup.ts'

const toggle = z.boolean().default(false)

const distinct = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]

const provisionOptions = {
  list: {
    group: 'Output',
    description: 'list the releases that can be installed, and those that are',
    example: '--list',
    schema: toggle,
  },
  dryRun: {
    group: 'Output',
    description: 'print what would be fetched and where it would be installed',
    example: '--dry-run',
    schema: toggle,
  },
  from: {
    value: '<folder|url>',
    group: 'Input',
    description: 'a mirror that has the files of the releases by the same names',
    example: '--from /mnt/mirror',
    schema: z.string().min(1, 'the value is empty.').optional(),
    completion: 'file',
  },
  trustFirstDownload: {
    group: 'Input',
    description: 'install files without a known digest, and print their digests',
    example: '--trust-first-download',
    schema: toggle,
  },
  remove: {
    value: '<name[@version]>',
    group: 'Host and project',
    description: 'remove an installed release, by default all its versions',
    example: '--remove kata@4.1.0',
    schema: list.optional(),
    repeatable: true,
    completion: 'releases',
  },
  ...pickOptions('json', 'install', 'config'),
  waitForLock: {
    ...sharedOptions.waitForLock,
    description: 'wait while another isobench installs releases; with --remove, also while one measures',
  },
} as const satisfies OptionTable

type ProvisionOptions = CheckedOptions<typeof provisionOptions>

export const command = defineCommand({
  description:
    'Installs official releases of platforms below /opt/isobench, or ISOBENCH_HOME. ' +
    'isobench verifies their digests before it unpacks them.',
  arguments: [
    {
      name: 'releases',
      description: 'names, such as firecracker, or with a version: firecracker@1.15.1',
      variadic: true,
      completion: 'releases',
    },
  ],
  options: provisionOptions,
  examples: [
    { line: 'provision --list', description: 'what can be installed' },
    { line: 'provision firecracker gvisor', description: 'install the newest known versions' },
    { line: 'provision kata --from /mnt/mirror', description: 'install from files of your own' },
  ],
  run: provision,
})

async function provision(names: readonly string[], options: ProvisionOptions, io: CommandIo): Promise<number> {
  refuseConflicts(names, options)
  if (options.list) {
    const installed = () => installedReleases().map((one) => ({ ...one, missingPrograms: missingPrograms(one) }))
    const content = () => ({ installed: installed(), available: releasesFor(hostArch()) })
    io.out.write(options.json ? `${JSON.stringify(content(), null, 1)}\n` : listText(io))
    return exitCodes.clean
  }
  if (options.remove !== undefined) {
    const chosen = distinct(options.remove)
    for (const text of chosen) assertRemovable(text)
    using interruption = interruptSignal(() => io.err.write('Interrupted. Cleaning up.\n'))
    const removed = []
    for (const text of chosen) removed.push(...(await remove(text, options, io, interruption.signal)))
    if (options.json) io.out.write(`${JSON.stringify(removed, null, 1)}\n`)
    return exitCodes.clean
  }
  if (names.length === 0)
    throw new UsageError('isobench provision: no release is named.', 'list them: isobench provision --list')
  const wanted = distinct(names.map(releaseOf))
  const from = mirrorOf(options.from, io)
  const fetched = { from, digests: await pinnedDigests(wanted, options, io) }
  if (options.dryRun) {
    const plans = wanted.map((release) => fetchPlan(release, fetched))
    io.out.write(options.json ? `${JSON.stringify(plans, null, 1)}\n` : plans.map(planText).join(''))
    return exitCodes.clean
  }
  return install(wanted, fetched, options, io)
}

/**
 * Returns `releaseDigests` of the config. Without `--config`, it reads a config only for a release with a file that
 * isobench knows no digest of, because other releases need none.
 */
async function pinnedDigests(
  wanted: readonly Release[],
  { config }: ProvisionOptions,
  { cwd }: CommandIo,
): Promise<PinnedDigests> {
  const isUnknown = wanted.some(({ files }) => files.some((file) => digestsOf(file).length === 0))
  if (config === undefined && !(isUnknown && findConfig(cwd))) return {}
  return (await loadProject(cwd, config)).releaseDigests
}

async function install(
  wanted: readonly Release[],
  fetched: FetchOptions,
  options: ProvisionOptions,
  io: CommandIo,
): Promise<number> {
  using progress = new ProvisionProgress(io)
  using interruption = interruptSignal(() => progress.print('Interrupted. Cleaning up.'))
  const { signal } = interruption
  const lacking = wanted.filter(({ name, version }) => !installedRelease(name, version))
  await ensureUnpackers(lacking, options, io, signal)
  const installed = []
  for (const release of wanted) {
    const isNew = lacking.includes(release)
    if (isNew) progress.print(`${release.name} ${release.version}, license ${release.license}`)
    const { trustFirstDownload: trustFirst, waitForLock: wait } = options
    const done = await installRelease(release, { ...fetched, trustFirst, wait, onEvent: progress.show, signal })
    installed.push(done)
    if (!options.json) io.out.write(installedText(done, release, isNew))
  }
  if (options.json) io.out.write(`${JSON.stringify(installed, null, 1)}\n`)
  return exitCodes.clean
}

/** Installs the programs that unpack the archives, or asks for them. */
async function ensureUnpackers(
  wanted: readonly Release[],
  { install: agreed }: ProvisionOptions,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const lacking = missing(wanted.flatMap(({ files }) => files.flatMap(({ archive }) => unpackRequirements(archive))))
  if (lacking.length === 0) return
  const how = installCommand(lacking)
  if (
    !agreed &&
    !(await confirm(`isobench unpacks with ${packagesOf(lacking)[0]!.name}. Install it with "${how}"?`, io))
  )
    throw new HostError(`${describeMissing(lacking)}. isobench unpacks the archive with it.`, `${how}, or --install`)
  await installPackages(packagesOf(lacking), { signal })
}

/**
 * Takes the host, because a run may use the release. Returns what it removed.
 * @param signal ends it before the next release: one that is removed in part would still take space on the disk
 */
async function remove(
  text: string,
  options: ProvisionOptions,
  io: CommandIo,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [name, version] = split(text)
  const print = (line: string) => options.json || io.out.write(`${line}\n`)
  const find = () => installedReleases(name).filter((one) => version === undefined || one.version === version)
  const removed: string[] = []
  const add = (path: string) => {
    removed.push(path)
    print(`removed ${path}`)
  }
  if (find().length > 0) {
    const lock = {
      wait: options.waitForLock,
      signal,
      onWait: ({ pid, purpose, since }: LockHolder) =>
        io.err.write(`waiting for process ${pid}, ${purpose}, since ${since}\n`),
    }
    using _lock = await lockHost({ ...lock, purpose: `removing ${text}` })
    for (const release of find()) {
      signal.throwIfAborted()
      await removeRelease(release, lock)
      add(release.folder)
    }
  }
  signal.throwIfAborted()
  for (const path of await removePartialDownloads({ name, version })) add(path)
  if (removed.length === 0) print(`${text} is not installed.`)
  return removed
}
