/** Fetches a file over HTTP or from a folder. A broken download continues where it ended. */

import { lstatSync, rmSync, type Stats, statfsSync, statSync } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Dispatcher } from 'undici'
import { InterruptedError, IsobenchError, messageOf } from '../../util/errors.ts'
import { WriteError } from '../../util/files.ts'
import { maskCredentials, sanitize } from '../../util/text.ts'
import { DownloadError, inMiB, mirrorHint, writeFailure } from './errors.ts'
import { explainNetwork, isBroken, statusText } from './network-errors.ts'
import { type HostProxy, type ProxiedConnections, proxiedConnections } from './proxies.ts'

/** How long a server may take, in milliseconds, and how much it may send. */
export interface DownloadLimits {
  /** To connect, to answer, and between two parts of the file. */
  readonly stall: number
  /** For the whole file. */
  readonly total: number
  /** Bytes of a file without a known size. Default: 4 GiB, twice those of the largest release. */
  readonly bytes?: number
}

const defaultLimits: DownloadLimits = { stall: 30_000, total: 4 * 3600_000 }
const defaultBytes = 4 * 1024 ** 3

/** How much of a file has arrived, in bytes. */
export interface DownloadProgress {
  readonly received: number
  /** Undefined if the server does not state it. */
  readonly total: number | undefined
}

export interface DownloadOptions {
  /** `http:`, `https:`, or an absolute path. */
  readonly source: string
  /** Where the project publishes the file, if `source` is a mirror. Fixes name it. */
  readonly official?: string | undefined
  /** The file to write. If it exists, an earlier download broke off, and this one continues. */
  readonly target: string
  /** Bytes that the file must have, if they are known. */
  readonly size?: number | undefined
  /** Whether a later download can continue this one, because a digest verifies the file. Default: true. */
  readonly isResumable?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  readonly limits?: DownloadLimits
}

/** Tries of a download if its connection breaks. */
const mostTries = 3

const mostRedirects = 10

/**
 * Fetches a file. If it fails, what has arrived stays in `target` only if a later download can continue it.
 * @throws {DownloadError} that names the address and the way around it
 * @throws {WriteError} if the disk is full, or too small for the file
 * @throws {InterruptedError} if the signal is aborted
 */
export async function download(asked: DownloadOptions): Promise<void> {
  try {
    await fetchWhole(asked)
  } catch (error) {
    if (asked.isResumable === false) removePart(asked.target)
    throw error
  }
}

async function fetchWhole(asked: DownloadOptions): Promise<void> {
  assertSpace(asked, asked.size)
  if (asked.source.startsWith('/')) return copyFrom(asked)
  const options: Fetch = { ...asked, address: asked.source, source: maskCredentials(asked.source) }
  const { source, signal } = options
  const { stall, total } = options.limits ?? defaultLimits
  await using connections = await proxiedConnections(stall)
  const deadline = AbortSignal.timeout(total)
  for (let tries = 1; ; tries++) {
    try {
      return await fetchRest(options, connections, AbortSignal.any([deadline, ...(signal ? [signal] : [])]))
    } catch (error) {
      if (signal?.aborted) throw new InterruptedError(`interrupted while ${source} was downloaded`)
      if (error instanceof IsobenchError) throw error
      if (tries < mostTries && isBroken(error)) continue
      throw explain(error, options, connections.used(), deadline.aborted ? total : undefined)
    }
  }
}

/** A download over HTTP. Its `source` has no password, because messages contain it. */
interface Fetch extends DownloadOptions {
  /** With the password. */
  readonly address: string
}

/** The user and the password of an address, as a header. */
function authorizationOf(address: string): { readonly authorization?: string } {
  const { username, password } = new URL(address)
  if (username === '' && password === '') return {}
  const user = `${decoded(username)}:${decoded(password)}`
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
}

/** Decodes a part of an address. A `%` that starts no escape is the character. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Removes what has arrived. A device stays, because root could otherwise remove one of the host. */
function removePart(file: string): void {
  const stat = lstatSync(file, { throwIfNoEntry: false })
  if (stat?.isFile() || stat?.isSymbolicLink()) rmSync(file)
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

async function copyFrom(options: DownloadOptions): Promise<void> {
  const { source, target, onProgress } = options
  const stat = statOf(source)
  if (stat === undefined)
    throw new DownloadError(`there is no file ${source}.`, `name the folder that contains it, or ${hintOf(options)}`)
  if (!stat.isFile()) throw new DownloadError(`${source} is not a file.`, hintOf(options))
  const bytes = stat.size
  checkSize(options, bytes)
  assertSpace(options, bytes)
  onProgress?.({ received: 0, total: bytes })
  removePart(target)
  try {
    await copyFile(source, target)
  } catch (error) {
    removePart(target)
    throw writeFailure(target, error, needText(options, bytes), 'ISOBENCH_CACHE')
  }
  onProgress?.({ received: bytes, total: bytes })
}

const needText = ({ source }: DownloadOptions, bytes: number | undefined): string =>
  bytes === undefined ? `The size of ${source} is unknown.` : `${source} has ${inMiB(bytes)}.`

/**
 * @param bytes of the whole file
 * @throws {WriteError} if the rest of the file does not fit on the disk
 */
function assertSpace({ source, target }: DownloadOptions, bytes: number | undefined): void {
  if (bytes === undefined) return
  const folder = dirname(target)
  const { blocks, bavail, bsize } = statfsSync(folder)
  // Some file systems of the network do not count their blocks.
  if (blocks === 0 || bytes - sizeOf(target) <= bavail * bsize) return
  throw new WriteError(
    `${folder} has ${inMiB(bavail * bsize)} left, but ${maskCredentials(source)} has ${inMiB(bytes)}.`,
    'free space, or set ISOBENCH_CACHE to a folder on another disk',
  )
}

const hintOf = ({ source, official }: DownloadOptions): string => mirrorHint(official ?? source)

/** Undefined if there is nothing at the path, or if a part of it is a file. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new DownloadError(`${path} cannot be read: ${messageOf(error)}.`, 'make it readable for this user')
  }
}

/** @throws {DownloadError} if the file has another size than the release */
function checkSize(options: DownloadOptions, bytes: number): void {
  const { source, size } = options
  if (size === undefined || bytes === size) return
  throw new DownloadError(
    `${source} has ${bytes.toLocaleString('en-US')} bytes, but the release has ${size.toLocaleString('en-US')}.`,
    hintOf(options),
  )
}

/** Requests an address and follows its redirects. The body of the answer must be read. */
async function request(
  options: Fetch,
  offset: number,
  connections: ProxiedConnections,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { source } = options
  const undici = await import('undici')
  const seen = new Set<string>()
  for (let { address } = options; ; ) {
    if (seen.has(address) || seen.size > mostRedirects) {
      const last = [...seen, address].slice(-3).map((one) => sanitize(maskCredentials(one), 200))
      throw new DownloadError(
        `${source} redirects ${seen.has(address) ? 'in a circle' : `more than ${mostRedirects} times`}: ` +
          `${last.join(' -> ')}.`,
        hintOf(options),
      )
    }
    seen.add(address)
    connections.forget()
    const range = offset > 0 && { range: `bytes=${offset}-` }
    const headers = { 'user-agent': 'isobench', ...authorizationOf(address), ...range }
    const dispatcher = connections.dispatcherFor(address)
    const response = await undici.request(address, { dispatcher, signal, headers })
    const { location } = response.headers
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string') return response
    await response.body.dump()
    address = redirectTarget(options, address, location)
  }
}

/**
 * Returns where a redirect leads. The user and the password go only to the same host, scheme and port.
 * @throws {DownloadError} if the address is invalid, or leaves TLS
 */
function redirectTarget(options: DownloadOptions, from: string, location: string): string {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined
  const allowed = from.startsWith('https:') ? ['https:'] : ['https:', 'http:']
  if (next !== undefined && allowed.includes(next.protocol)) {
    const before = new URL(from)
    if (next.origin === before.origin && next.username === '' && next.password === '') {
      next.username = before.username
      next.password = before.password
    }
    return next.href
  }
  throw new DownloadError(
    `${options.source} redirects to "${sanitize(maskCredentials(location), 200)}".`,
    hintOf(options),
  )
}

/** Fetches what is missing of the file. A server that ignores the range sends the whole file. */
async function fetchRest(options: Fetch, connections: ProxiedConnections, signal: AbortSignal): Promise<void> {
  const { source, target, size, onProgress } = options
  const had = sizeOf(target)
  const response = await request(options, had, connections, signal)
  const { statusCode, headers, body } = response
  const startAgain = () => {
    removePart(target)
    return fetchRest(options, connections, signal)
  }
  if (statusCode === 416 && had > 0) {
    await body.dump()
    return startAgain()
  }
  if (statusCode !== 200 && statusCode !== 206) {
    await body.dump()
    throw new DownloadError(`${source}: the server answered ${statusText(statusCode)}.`, hintOf(options))
  }
  const length = Number(headers['content-length'] ?? Number.NaN)
  const offset = statusCode === 206 ? startOfRest(headers['content-range'], length) : 0
  if (offset === undefined || (offset !== 0 && offset !== had)) {
    await body.dump()
    // Some proxies send only a slice of the range, and the whole file without a range.
    if (had > 0) return startAgain()
    throw new DownloadError(`${source}: the server sent another part of the file than asked.`, hintOf(options))
  }
  const total = Number.isNaN(length) ? undefined : offset + length
  onProgress?.({ received: offset, total: total ?? size })
  let received = offset
  try {
    await using file = await open(target, offset === 0 ? 'w' : 'a', 0o600)
    for await (const part of body as AsyncIterable<Buffer>) {
      if (received === offset) {
        if (offset === 0) refuseHtml(options, part)
        if (total !== undefined) {
          checkSize(options, total)
          refuseSize(options, total)
        }
        assertSpace(options, total)
      }
      received += part.length
      // A body of unknown length may have no end.
      if (total === undefined) refuseSize(options, received)
      await file.writeFile(part)
      onProgress?.({ received, total: total ?? size })
    }
    if (total === undefined) checkSize(options, received)
  } catch (error) {
    if (error instanceof DownloadError) removePart(target)
    throw writeFailure(target, error, needText(options, total), 'ISOBENCH_CACHE')
  }
}

/**
 * Returns where a part of a file begins that goes to its end: `bytes 5-9/10`. Undefined if it is another part.
 * @param length of the part, NaN if it is unknown
 */
function startOfRest(range: unknown, length: number): number | undefined {
  const [, first, last, whole] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(range)) ?? []
  if (first === undefined || (whole !== '*' && Number(last) + 1 !== Number(whole))) return undefined
  return Number.isNaN(length) || Number(last) - Number(first) + 1 === length ? Number(first) : undefined
}

/** @throws {DownloadError} if the file has more bytes than the release, or than any release */
function refuseSize(options: Fetch, bytes: number): void {
  const { source, size, limits } = options
  const most = size ?? limits?.bytes ?? defaultBytes
  if (bytes <= most) return
  throw new DownloadError(
    `${source}: the server sent more than ${most.toLocaleString('en-US')} bytes, ` +
      `${size === undefined ? 'more than any release has' : 'the size of the release'}.`,
    hintOf(options),
  )
}

/** A portal of a network, or a page with an error, answers 200 with HTML. No release begins like that. */
function refuseHtml(options: DownloadOptions, start: Buffer): void {
  if (!/^(\xef\xbb\xbf)?\s*<(!doctype|!--|html|\?xml)/i.test(start.subarray(0, 200).toString('latin1'))) return
  throw new DownloadError(
    `${options.source}: the server sent a web page instead of the file. A proxy or a login page may be in between.`,
    hintOf(options),
  )
}

/** The error of a download that broke. What has arrived stays, so that the next download can continue. */
function explain(
  error: unknown,
  options: Fetch,
  proxy: HostProxy | undefined,
  timedOut: number | undefined,
): DownloadError {
  const { source, target, isResumable = true } = options
  const { why, fix } =
    timedOut === undefined ? explainNetwork(error, proxy) : { why: `it took longer than ${timedOut / 1000} s` }
  const bytes = sizeOf(target)
  if (bytes === 0) removePart(target)
  const got = bytes === 0 ? '' : ` ${bytes.toLocaleString('en-US')} bytes have arrived.`
  const fixes = [
    ...(bytes === 0 ? [] : [`run the same command again${isResumable ? ', which continues the download' : ''}`]),
    ...(fix === undefined ? [] : [fix]),
    hintOf(options),
  ]
  return new DownloadError(`${source} cannot be downloaded: ${why}.${got}`, fixes.join('; or '))
}
