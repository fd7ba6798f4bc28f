import { resolve } from 'node:path'
import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { lockHost } from '../host/lock.ts'
import { describeMissing, installCommand, installPackages, missing, packagesOf } from '../host/packages.ts'
import { installRelease, removeRelease } from '../host/releases/install.ts'
import { findRelease, releases, releasesFor } from '../host/releases/manifest.ts'
import { hostArch, type Release } from '../host/releases/release.ts'
import { installedReleases } from '../host/releases/store.ts'
import { unpackRequirements } from '../host/releases/unpack.ts'
import { closestMatch } from '../util/closest-match.ts'
import { HostError, UsageError } from '../util/errors.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, list, type OptionTable, pickOptions } from './options.ts'
import { fetchPlan, installedText, listText, ProvisionProgress, planText } from './provision-text.ts'
import { confirm } from './setup.ts'

const toggle = z.boolean().default(false)

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
    description: 'install files without a known digest, and print the digest to pin',
    example: '--trust-first-download',
    schema: toggle,
  },
  remove: {
    value: '<name[@version]>',
    group: 'Host and project',
    description: 'remove an installed release, by default all its versions; may be repeated',
    example: '--remove kata@4.1.0',
    schema: list.optional(),
    repeatable: true,
    completion: 'releases',
  },
  ...pickOptions('json', 'install', 'waitForLock'),
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
  if (options.list) {
    const content = () => ({ installed: installedReleases(), available: releasesFor(hostArch()) })
    io.out.write(options.json ? `${JSON.stringify(content(), null, 1)}\n` : listText(io))
    return exitCodes.clean
  }
  if (options.remove !== undefined) {
    for (const name of options.remove) await remove(name, options, io)
    return exitCodes.clean
  }
  if (names.length === 0)
    throw new UsageError('isobench provision: no release is named.', 'list them: isobench provision --list')
  const wanted = names.map(releaseOf)
  const from = mirrorOf(options.from, io)
  if (options.dryRun) {
    const text = () => wanted.map((release) => planText(release, from)).join('')
    const plans = () =>
      `${JSON.stringify(
        wanted.map((release) => fetchPlan(release, from)),
        null,
        1,
      )}\n`
    io.out.write(options.json ? plans() : text())
    return exitCodes.clean
  }
  return install(wanted, from, options, io)
}

/** Splits `name@version`. */
function split(text: string): readonly [name: string, version: string | undefined] {
  const [name = '', ...version] = text.split('@')
  return [name, version.length === 0 ? undefined : version.join('@').replace(/^v(?=\d)/, '')]
}

/**
 * Returns the release of `name` or `name@version` for this host.
 * @throws {UsageError} that names what there is
 */
function releaseOf(text: string): Release {
  const [name, version] = split(text)
  const release = findRelease(name, version)
  if (release) return release
  const ofName = releases.filter((one) => one.name === name)
  if (ofName.length === 0) {
    const near = closestMatch(name, [...new Set(releases.map((one) => one.name))])
    const hint = near === undefined ? '' : ` Did you mean ${near}?`
    throw new UsageError(
      `isobench provision: there is no release "${name}".${hint}`,
      'list them: isobench provision --list',
    )
  }
  const here = ofName.filter(({ arch }) => arch === hostArch())
  if (here.length === 0) {
    const archs = [...new Set(ofName.map(({ arch }) => arch))].join(' and ')
    throw new UsageError(
      `isobench provision: there is no release of ${name} for ${hostArch()}, only for ${archs}.`,
      `build ${name} yourself, and put it into PATH or set the option binary of the platform`,
    )
  }
  throw new UsageError(
    `isobench provision: isobench knows no digest of ${name} ${version}, only of ` +
      `${here.map((one) => one.version).join(' and ')}.`,
    `install one of these, or set the option binary of the platform`,
  )
}

/** The mirror as an absolute path or an address. */
function mirrorOf(from: string | undefined, io: CommandIo): string | undefined {
  if (from === undefined || /^https?:\/\//.test(from)) return from
  if (/^\w+:\/\//.test(from))
    throw new UsageError(`isobench provision: --from ${from} is neither a folder nor an http address.`, 'use https')
  return resolve(io.cwd, from)
}

async function install(
  wanted: readonly Release[],
  from: string | undefined,
  options: ProvisionOptions,
  io: CommandIo,
): Promise<number> {
  const print = (line: string) => void io.err.write(`${line}\n`)
  using interruption = interruptSignal(() => print('Interrupted. Cleaning up.'))
  const { signal } = interruption
  await ensureUnpackers(wanted, options, io, signal)
  using progress = new ProvisionProgress(io)
  const installed = []
  for (const release of wanted) {
    print(`${release.name} ${release.version}, license ${release.licence}`)
    const trustFirst = options.trustFirstDownload
    const done = await installRelease(release, { from, trustFirst, onEvent: progress.show, signal })
    installed.push(done)
    if (!options.json) io.out.write(installedText(done, release))
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

/** Takes the host, because a run may use the release. */
async function remove(text: string, { waitForLock }: ProvisionOptions, io: CommandIo): Promise<void> {
  const [name, version] = split(text)
  const find = () => installedReleases(name).filter((one) => version === undefined || one.version === version)
  if (find().length === 0) return void io.out.write(`${text} is not installed.\n`)
  using _lock = await lockHost({
    purpose: `removing ${text}`,
    wait: waitForLock,
    onWait: (holder) => io.err.write(`waiting for process ${holder.pid}, ${holder.purpose}, since ${holder.since}\n`),
  })
  for (const release of find()) {
    await removeRelease(release)
    io.out.write(`removed ${release.folder}\n`)
  }
}
