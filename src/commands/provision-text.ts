/** What `isobench provision` prints. */

import { releasesFolder } from '../host/paths.ts'
import { digestOf, type InstallEvent, sourceOf } from '../host/releases/install.ts'
import { releasesFor } from '../host/releases/manifest.ts'
import { hostArch, type Release } from '../host/releases/release.ts'
import { folderOf, type InstalledRelease, installedReleases } from '../host/releases/store.ts'
import { duration, figure } from '../reporters/format.ts'
import { StatusLine } from '../reporters/terminal/status-line.ts'
import { createColors, table } from '../reporters/terminal/table.ts'
import { plural, sanitize } from '../util/text.ts'
import type { CommandIo } from './command.ts'

/** `12.3 MB`: releases and networks use decimal units. */
export function formatBytes(bytes: number): string {
  const [unit, scale] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['kB', 1e3]
  return `${figure(Number((bytes / scale).toPrecision(3)))} ${unit}`
}

const labelOf = ({ name, version }: Pick<Release, 'name' | 'version'>) => `${name}@${version}`

const columns = [
  { title: 'release', keep: true as const },
  { title: 'of' },
  { title: 'digest stated by' },
  { title: 'license', least: 8 },
  { title: '', keep: true as const },
]

/** The text of `--list`: what can be installed here, and what is. */
export function listText(io: CommandIo): string {
  const [installed, available] = [installedReleases(), releasesFor(hostArch())]
  const labels = new Set(installed.map(labelOf))
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
      sanitize(release.licence, 60),
      labels.has(labelOf(release)) ? 'installed' : '',
    ].map((text) => ({ text })),
  )
  const lines = table(columns, rows, Math.max(40, io.out.columns ?? 120), createColors(io))
  return `${[...lines, '', `Installed releases are in ${releasesFolder()}.`].join('\n')}\n`
}

/** What would be fetched, for `--dry-run`. */
export const fetchPlan = (release: Release, from: string | undefined) => ({
  release: labelOf(release),
  licence: release.licence,
  folder: folderOf(release.name, release.version),
  files: release.files.map((file) => ({
    source: sourceOf(file, from),
    size: file.size ?? null,
    digest: digestOf(file) ?? null,
    statedBy: file.statedBy,
  })),
})

export function planText(release: Release, from: string | undefined): string {
  const { folder, licence, files } = fetchPlan(release, from)
  return [
    `${labelOf(release)} (${licence}) into ${folder}`,
    ...files.map(
      ({ source, size, digest, statedBy }) =>
        `  ${source}, ${size === null ? 'size unknown' : formatBytes(size)}\n    ${
          digest === null ? 'no known digest: needs --trust-first-download' : `${digest}, ${plural(statedBy, 'place')}`
        }`,
    ),
    '',
  ].join('\n')
}

/** What is installed where, and who uses it. */
export function installedText({ name, version, folder, files }: InstalledRelease, release: Release): string {
  const pins = files
    .filter(({ trustedFirst }) => trustedFirst)
    .map(({ url, digest }) => `  digest to pin: ${digest} ${url}\n`)
  return (
    `${name} ${version} is in ${folder}\n${pins.join('')}` +
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
      return event.statedBy === 0
        ? `downloaded ${event.source}; its digest was not known before: ${event.digest}`
        : `verified ${event.source}: ${event.digest.slice(0, 23)}…, stated by ${plural(event.statedBy, 'place')}`
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
    else this.#line(lineOf(event))
  }

  #line(text: string): void {
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
      this.#line(`downloading ${source}: ${size}${rest}`)
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
