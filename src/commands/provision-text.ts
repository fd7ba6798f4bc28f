/** What `isobench provision` prints. */

import { releasesFolder } from '../host/paths.ts'
import { digestsOf, type InstallEvent, type InstallOptions, sourceOf } from '../host/releases/install.ts'
import { releasesFor } from '../host/releases/manifest.ts'
import { hostArch, type Release } from '../host/releases/release.ts'
import { folderOf, type InstalledRelease, installedReleases, missingPrograms } from '../host/releases/store.ts'
import { duration, figure } from '../reporters/format.ts'
import { StatusLine } from '../reporters/terminal/status-line.ts'
import { createColors, gap, type TableCell, table, widthOfTable } from '../reporters/terminal/table.ts'
import { maskCredentials, plural, sanitize } from '../util/text.ts'
import type { CommandIo } from './command.ts'

/** `12.3 MB` or `189 B`: releases and networks use decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const [unit, scale] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['kB', 1e3]
  return `${figure(Number((bytes / scale).toPrecision(3)))} ${unit}`
}

const labelOf = ({ name, version }: Pick<Release, 'name' | 'version'>) => `${name}@${version}`

const columns = [
  { title: 'release', keep: true as const },
  { title: 'date' },
  { title: 'digest stated by' },
  { title: 'license' },
  { title: '', keep: true as const },
]

/** `installed`, or what an installed release lacks. */
function stateOf(release: InstalledRelease): string {
  const absent = missingPrograms(release)
  return absent.length === 0 ? 'installed' : `installed, lacks ${sanitize(absent.join(', '), 60)}`
}

/** The text of `--list`: what can be installed here, and what is. */
export function listText(io: CommandIo): string {
  const [installed, available] = [installedReleases(), releasesFor(hostArch())]
  const states = new Map(installed.map((release) => [labelOf(release), stateOf(release)]))
  const offered = available.map((release) => {
    const stated = Math.min(...release.files.map(({ statedBy }) => statedBy))
    return { ...release, stated: stated === 0 ? 'nobody' : plural(stated, 'place') }
  })
  const known = new Set(offered.map(labelOf))
  const others = installed.filter((release) => !known.has(labelOf(release))).map((one) => ({ ...one, stated: '' }))
  const rows = [...offered, ...others].map((release) =>
    [
      labelOf(release),
      release.released ?? '',
      release.stated,
      sanitize(release.license, 60),
      states.get(labelOf(release)) ?? '',
    ].map((text) => ({ text })),
  )
  const width = io.out.columns ?? Number.POSITIVE_INFINITY
  const lines =
    widthOfTable(columns, rows) - gap <= width ? table(columns, rows, width, createColors(io)) : narrow(rows)
  return `${[...lines, '', `Installed releases are in ${releasesFolder()}.`].join('\n')}\n`
}

/** Two lines for each release, where a terminal is too narrow for the table. */
const narrow = (rows: readonly (readonly TableCell[])[]): string[] =>
  rows.flatMap((row) => {
    const [label, released, stated, license, installed] = row.map(({ text }) => text)
    const facts = [released, stated && `digest stated by ${stated}`, license].filter(Boolean)
    return [`${label}${installed && `  ${installed}`}`, ...facts.map((fact) => `  ${fact}`)]
  })

/** Where files come from, and the digests of the config. */
export type FetchOptions = Pick<InstallOptions, 'from' | 'digests'>

/** What would be fetched, for `--dry-run`. */
export const fetchPlan = (release: Release, { from, digests }: FetchOptions) => ({
  release: labelOf(release),
  license: release.license,
  folder: folderOf(release.name, release.version),
  files: release.files.map((file) => ({
    source: maskCredentials(sourceOf(file, from)),
    size: file.size ?? null,
    digest: digestsOf(file, digests)[0] ?? null,
    statedBy: file.statedBy,
  })),
})

export function planText({ release, folder, license, files }: ReturnType<typeof fetchPlan>): string {
  return [
    `${release} (${license}) into ${folder}`,
    ...files.map(
      ({ source, size, digest, statedBy }) =>
        `  ${source}, ${size === null ? 'size unknown' : formatBytes(size)}\n    ${
          digest === null
            ? 'no known digest: needs --trust-first-download'
            : `${digest}, ${statedBy > 0 ? `stated by ${plural(statedBy, 'place')}` : 'of the config'}`
        }`,
    ),
    '',
  ].join('\n')
}

/** What is installed where, and who uses it. */
export function installedText(
  { name, version, folder, files }: InstalledRelease,
  release: Release,
  isNew: boolean,
): string {
  const unverified = files.filter(({ trustedFirst }) => trustedFirst)
  const trusted = unverified.map(
    ({ url, digest }) => `  not verified: ${url} has the digest ${digest}; compare it with another source\n`,
  )
  const pins = unverified.map(({ url, digest }) => `    '${url}': '${digest}',\n`)
  const howToPin =
    pins.length === 0
      ? ''
      : `  to verify it from now on, set in isobench.config.ts:\n  releaseDigests: {\n${pins.join('')}  },\n`
  return (
    `${name} ${version} is ${isNew ? '' : 'already installed '}in ${folder}\n${trusted.join('')}${howToPin}` +
    `  used by the platform ${release.platforms.join(' and ')}, if the config names no other binary or version\n` +
    (release.notes === undefined ? '' : `  note: ${release.notes}\n`)
  )
}

function lineOf(event: Exclude<InstallEvent, { kind: 'downloading' }>): string {
  switch (event.kind) {
    case 'waiting':
      return `waiting for process ${event.holder.pid}, ${event.holder.purpose}`
    case 'unpacking':
      return `unpacking ${event.source}`
    case 'verified':
      return event.statedBy === 'nothing'
        ? `downloaded ${event.source}; its digest was not known before: ${event.digest}`
        : `verified ${event.source}: ${event.digest.slice(0, 23)}…, ${
            event.statedBy === 'config' ? 'of the config' : `stated by ${plural(event.statedBy, 'place')}`
          }`
  }
}

/** Milliseconds between two lines of progress if the output cannot be repainted. */
const lineEvery = 10_000

/** Shows events of an installation: a status line on a terminal, otherwise a line now and then. */
export class ProvisionProgress implements Disposable {
  readonly #status: StatusLine
  #source = ''
  #startedAt = 0
  #startedFrom = 0
  #printedAt = 0

  constructor(private readonly io: CommandIo) {
    this.#status = new StatusLine(io.err)
  }

  readonly show = (event: InstallEvent): void => {
    if (event.kind === 'downloading') this.#download(event)
    else this.print(lineOf(event))
  }

  /** Prints a line in the place of the status line. */
  print(text: string): void {
    this.#status.clear()
    this.io.err.write(`${sanitize(text)}\n`)
  }

  #download({ source, progress: { received, total } }: Extract<InstallEvent, { kind: 'downloading' }>): void {
    const now = Date.now()
    if (source !== this.#source) {
      this.#source = source
      this.#startedAt = this.#printedAt = now
      this.#startedFrom = received
      const size = total === undefined ? 'size unknown' : formatBytes(total)
      const rest = received > 0 ? `, continues after ${formatBytes(received)}` : ''
      this.print(`downloading ${source}: ${size}${rest}`)
    }
    const text = () => progressText(received - this.#startedFrom, received, total, now - this.#startedAt)
    this.#status.show(text)
    if (this.io.err.isTTY || now - this.#printedAt < lineEvery) return
    this.#printedAt = now
    this.io.err.write(`${text()}\n`)
  }

  [Symbol.dispose](): void {
    this.#status.clear()
  }
}

/**
 * `12.3 of 45.6 MB · 27 % · 3.1 MB/s · ~11 s left`.
 * @param fresh bytes that arrived in `ms` milliseconds
 */
export function progressText(fresh: number, received: number, total: number | undefined, ms: number): string {
  const speed = ms > 0 ? (1000 * fresh) / ms : 0
  return [
    total === undefined ? formatBytes(received) : `${formatBytes(received)} of ${formatBytes(total)}`,
    ...(total === undefined || total === 0 ? [] : [`${Math.floor((100 * received) / total)} %`]),
    ...(speed > 0 ? [`${formatBytes(speed)}/s`] : []),
    ...(speed > 0 && total !== undefined ? [`~${duration((1000 * (total - received)) / speed)} left`] : []),
  ].join(' · ')
}
