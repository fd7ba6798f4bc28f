/** Unpacks files of releases: selects members, decompresses, and passes each entry to the writer. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { HostError, InterruptedError, IsobenchError, keyLines, messageOf } from '../../util/errors.ts'
import { systemFix } from '../../util/files.ts'
import { hostEnvironment } from '../environment.ts'
import type { Requirement } from '../packages.ts'
import { EntryWriter, splitPath, type UnpackLimits } from './entry-writer.ts'
import { ArchiveError, inMiB, mirrorHint, writeFailure } from './errors.ts'
import type { ArchiveKind, ReleaseFile } from './release.ts'

/** The programs that decompress what Node cannot. */
const decompressors: Partial<Record<ArchiveKind, { readonly binary: string; readonly package: string }>> = {
  'tar.bz2': { binary: 'bzip2', package: 'bzip2' },
  'tar.xz': { binary: 'xz', package: 'xz-utils' },
  'tar.zst': { binary: 'zstd', package: 'zstd' },
}

/** Returns what the host needs to unpack a kind of archive. */
export const unpackRequirements = (kind: ArchiveKind): readonly Requirement[] =>
  [decompressors[kind]].filter((one) => one !== undefined)

/** Several times what the largest release contains. A small archive can expand to any size. */
const defaultLimits: UnpackLimits = { bytes: 16 * 1024 ** 3, entries: 200_000 }

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined
  readonly limits?: UnpackLimits
}

/**
 * Unpacks a file of a release into a folder that only this user can write to. Nothing is written outside of it,
 * whatever the archive contains.
 * @throws {ArchiveError} if the archive is broken, lacks a member, or has an entry that may leave the folder
 * @throws {WriteError} if the disk is full
 * @throws {InterruptedError} if the signal is aborted
 */
export async function unpack(
  file: string,
  { archive, members, url }: Pick<ReleaseFile, 'archive' | 'members' | 'url'>,
  folder: string,
  { signal, limits = defaultLimits }: UnpackOptions = {},
): Promise<void> {
  const name = url.slice(url.lastIndexOf('/') + 1)
  const writer = new EntryWriter(folder, name, limits)
  try {
    await using source = openSource(file, archive)
    if (archive !== 'none' && archive !== 'gz') {
      const selection = new Selection(members, name)
      await unpackTar(source.stream, selection, writer, signal)
      await source.ended()
      selection.assertComplete()
    } else {
      const target = 'bundle' in members ? name : members[0]!.as
      await writer.writeFile(splitPath(target, name), source.stream, archive === 'none' ? 0o755 : 0o644, signal)
      await source.ended()
    }
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError(`interrupted while ${name} was unpacked`)
    if (error instanceof IsobenchError) throw error
    if (systemFix(error as NodeJS.ErrnoException) !== undefined) {
      const need = `The files of ${name} need more than ${inMiB(writer.bytes, Math.floor)} there.`
      throw writeFailure(folder, error, need, 'ISOBENCH_HOME')
    }
    throw new ArchiveError(`${name} is broken: ${messageOf(error)}.`, mirrorHint(url))
  }
}

async function unpackTar(
  source: Readable,
  selection: Selection,
  writer: EntryWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tar = extract()
  const fed = pipeline(source, tar, { ...(signal && { signal }) })
  fed.catch(() => {})
  try {
    for await (const entry of tar) {
      await writer.add(entry.header, (path) => selection.targetOf(path), bytesOf(entry), signal)
      entry.resume()
    }
  } catch (error) {
    // The error of an entry that is cut short is only "Stream was destroyed". The pipeline has the cause.
    if (error instanceof Error && error.message === 'Stream was destroyed') await fed
    throw error
  }
  await fed
}

/** The content of an entry. streamx leaves the type of its parts open. */
async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const part of entry) yield part as Uint8Array
}

/** The decompressed content of a file. `ended` throws if it was not complete. */
interface Source extends AsyncDisposable {
  readonly stream: Readable
  ended(): Promise<void>
}

function openSource(file: string, kind: ArchiveKind): Source {
  const program = decompressors[kind]
  if (program) return openThrough(program, file)
  const input = createReadStream(file)
  const isCompressed = kind === 'tar.gz' || kind === 'gz'
  const stream = isCompressed ? input.pipe(createGunzip()) : input
  if (isCompressed) input.on('error', (error) => stream.destroy(error))
  return {
    stream,
    ended: async () => {},
    [Symbol.asyncDispose]: async () => {
      input.destroy()
      stream.destroy()
    },
  }
}

/** Decompresses with a program of the host. It reads the open file itself, so nothing passes through isobench twice. */
function openThrough(
  { binary, package: name }: { readonly binary: string; readonly package: string },
  file: string,
): Source {
  const child = spawn('sh', ['-c', 'exec "$1" --decompress --stdout < "$2"', 'sh', binary, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: hostEnvironment(),
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000)
  })
  const closed = once(child, 'close') as Promise<[number | null]>
  closed.catch(() => {})
  return {
    stream: child.stdout,
    ended: async () => {
      const [code] = await closed
      if (code === 127) throw new HostError(`${binary} is not installed.`, `apt-get install ${name}`)
      if (code !== 0) throw new Error(keyLines(stderr).join(' | ') || `${binary} ended with ${code}`)
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Which entries of an archive are installed, and where. */
class Selection {
  readonly #missing: Set<string>

  constructor(
    private readonly members: ReleaseFile['members'],
    private readonly archive: string,
  ) {
    this.#missing = new Set('bundle' in members ? [] : members.map(({ path }) => path))
  }

  /** Returns where an entry is installed, or undefined if it is not. */
  targetOf(path: readonly string[]): readonly string[] | undefined {
    if ('bundle' in this.members) {
      const root = splitPath(this.members.bundle, this.archive)
      const isInside = path.length > root.length && root.every((part, index) => part === path[index])
      return isInside ? path.slice(root.length) : undefined
    }
    const name = path.join('/')
    const member = this.members.find((one) => one.path === name)
    if (!member) return undefined
    this.#missing.delete(name)
    return splitPath(member.as, this.archive)
  }

  /** @throws {ArchiveError} if a member was not in the archive */
  assertComplete(): void {
    const [missing] = this.#missing
    if (missing !== undefined) throw lacks(this.archive, missing)
  }
}

/** The error of an archive without a file that the release must have. */
export const lacks = (archive: string, path: string): ArchiveError =>
  new ArchiveError(
    `${archive} lacks ${path}. Its project may have changed the layout.`,
    'report it to isobench, and install another version: isobench provision --list',
  )
