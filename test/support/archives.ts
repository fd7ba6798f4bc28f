import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import type { ArchiveKind } from '../../src/host/releases/release.ts'

/** An entry of an archive that a test makes. */
export interface TestEntry {
  readonly name: string
  readonly type?: 'file' | 'link' | 'symlink' | 'directory' | 'block-device' | 'character-device' | 'fifo'
  readonly linkname?: string
  readonly mode?: number
  readonly content?: string | Uint8Array
}

/** A tar of the entries in this order, which need not make sense. */
export async function tarOf(entries: readonly TestEntry[]): Promise<Buffer> {
  const tar = pack()
  for (const { content, ...header } of entries) {
    if (header.type === undefined || header.type === 'file') tar.entry({ mode: 0o644, ...header }, content ?? '')
    else tar.entry({ mode: 0o755, ...header, size: 0 })
  }
  tar.finalize()
  const parts: Uint8Array[] = []
  for await (const part of tar) parts.push(part as Uint8Array)
  return Buffer.concat(parts)
}

/** The programs that compress what Node cannot, by kind of archive. */
export const compressors: Partial<Record<ArchiveKind, string>> = {
  'tar.bz2': 'bzip2',
  'tar.xz': 'xz',
  'tar.zst': 'zstd',
}

/** An archive of a kind. */
export async function archiveOf(kind: ArchiveKind, entries: readonly TestEntry[]): Promise<Buffer> {
  const tar = await tarOf(entries)
  const program = compressors[kind]
  return program === undefined ? gzipSync(tar) : execFileSync(program, ['-c'], { input: tar, maxBuffer: 1 << 28 })
}
