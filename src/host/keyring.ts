/** The keys that sign the Debian archive of the image, which other distributions package in older versions. */

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'

/** Where the package debian-archive-keyring puts its keys, on Debian, Ubuntu, Fedora and Arch alike. */
export const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The keys that sign trixie, by fingerprint. apt accepts one valid signature. Keyrings before 2023.1 have none of them.
 * Source: debian-archive-keyring 2023.3+deb12u2 and 2025.1, `gpg --show-keys --with-subkey-fingerprint`.
 */
export const imageKeys: readonly string[] = [
  // Debian Archive Automatic Signing Key (12/bookworm), subkey
  '4CB50190207B4758A3F73A796ED0E7B82643E131',
  // Debian Archive Automatic Signing Key (13/trixie), subkey
  'B8E5F13176D2A7A75220028078DBA3BC47EF2265',
  // Debian Stable Release Key (13/trixie)
  '41587F7DB8C774BCCF131416762F67A0B2C39DE4',
]

/** How to get a keyring that has them, if the one of the distribution is too old. */
export const newerKeyringHint =
  'install debian-archive-keyring 2025.1 or later from ' +
  'https://deb.debian.org/debian/pool/main/d/debian-archive-keyring/'

/** Packet tags of RFC 9580, section 5: public key and public subkey. */
const keyTags = [6, 14]

/** A packet's body, and where the next packet starts; `undefined` if the bytes are no packet with a known length. */
function readPacket(
  bytes: Buffer,
  at: number,
): { readonly tag: number; readonly body: Buffer; readonly next: number } | undefined {
  const header = bytes[at]
  if (header === undefined || (header & 0x80) === 0) return undefined
  const first = bytes[at + 1] ?? 0
  const isNewFormat = (header & 0x40) !== 0
  const tag = isNewFormat ? header & 0x3f : (header >> 2) & 0x0f
  // Lengths as in RFC 9580, sections 4.2.1 and 4.2.2. Keyrings have no partial lengths.
  const [start, length] = isNewFormat
    ? first < 192
      ? [at + 2, first]
      : first < 224
        ? [at + 3, ((first - 192) << 8) + (bytes[at + 2] ?? 0) + 192]
        : [at + 6, at + 6 <= bytes.length ? bytes.readUInt32BE(at + 2) : Number.POSITIVE_INFINITY]
    : (header & 3) === 0
      ? [at + 2, first]
      : (header & 3) === 1
        ? [at + 3, (first << 8) + (bytes[at + 2] ?? 0)]
        : [at + 5, at + 5 <= bytes.length ? bytes.readUInt32BE(at + 1) : Number.POSITIVE_INFINITY]
  const next = start + length
  return next > bytes.length ? undefined : { tag, body: bytes.subarray(start, next), next }
}

/**
 * Returns the fingerprints of the version 4 keys and subkeys in a binary keyring, as upper-case hexadecimal digits:
 * SHA-1 of 0x99, the length and the key packet (RFC 9580, section 5.5.4.2). Empty if the bytes are no keyring.
 */
export function keyFingerprints(bytes: Buffer): readonly string[] {
  const found: string[] = []
  for (let packet = readPacket(bytes, 0); packet; packet = readPacket(bytes, packet.next)) {
    const { tag, body } = packet
    if (!keyTags.includes(tag) || body[0] !== 4) continue
    const prefix = Buffer.from([0x99, body.length >> 8, body.length & 0xff])
    found.push(createHash('sha1').update(prefix).update(body).digest('hex').toUpperCase())
  }
  return found
}

/** Returns whether apt can verify the image's archive with a keyring. Counts other formats as valid: apt decides. */
export function verifiesImage(file: string): boolean {
  if (!existsSync(file)) return false
  const fingerprints = keyFingerprints(readFileSync(file))
  return fingerprints.length === 0 || fingerprints.some((one) => imageKeys.includes(one))
}
