/** Names that readers cannot distinguish. */

/** Half of a surrogate pair. UTF-8 does not have it, so that all of them become the same character in a report. */
export const hasHalfSurrogate = (text: string): boolean => /\p{Surrogate}/u.test(text)

/** What a reader sees of a name: in NFC, without characters of no width, trimmed. Equal for names that look alike. */
export const visibleName = (name: string): string =>
  name
    .normalize('NFC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .trim()

/** A name in quotes, with escapes for all but printable ASCII characters, so that names that look alike differ. */
export const asciiName = (name: string): string =>
  JSON.stringify(name).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
