import { spawnSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import { HostError } from '../../errors.ts'
import { which } from '../requirements.ts'

/** Formats by their first bytes, with the program and Debian's package for those that Node 20 cannot read. */
const formats: readonly { readonly magic: string; readonly program: string; readonly package: string }[] = [
  { magic: 'fd377a585a00', program: 'xz', package: 'xz-utils' },
  { magic: '28b52ffd', program: 'zstd', package: 'zstd' },
  // The kernel's LZ4 is the legacy frame format.
  { magic: '02214c18', program: 'lz4', package: 'lz4' },
]

/**
 * What was compressed with gzip, xz, zstd or LZ4; what is in none of these formats is given back as it is. Bytes after the end,
 * such as a kernel's own, are left alone.
 * @throws MachineError when the program for it is missing, or cannot read it.
 */
export function decompress(bytes: Buffer): Buffer {
  if (bytes.subarray(0, 2).toString('hex') === '1f8b') return gunzipSync(bytes)
  const format = formats.find(({ magic }) => bytes.subarray(0, magic.length / 2).toString('hex') === magic)
  if (!format) return bytes
  const program = which(format.program)
  if (!program) throw new HostError(`${format.program} is not installed`, `apt-get install ${format.package}`)
  const { stdout, stderr } = spawnSync(program, ['--decompress', '--stdout', '--quiet'], {
    input: bytes,
    maxBuffer: 512 * 1024 * 1024,
  })
  if (stdout.length === 0) throw new HostError(`${format.program} could not read it: ${stderr.toString().trim()}`)
  return stdout
}
