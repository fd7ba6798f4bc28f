/** Text made safe for each format that reporters write. All of it goes through `plain` first. */
import { sanitize } from './text.ts'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** For HTML and XML, in text and in quoted attributes. XML 1.0 forbids most control characters; none is left. */
export const escapeHtml = (text: string): string => sanitize(text).replace(/[&<>"']/g, (c) => entities[c]!)

/** For a table or a list in GitHub's Markdown: nothing in it is markup, HTML or a mention. */
export const escapeMarkdown = (text: string): string =>
  sanitize(text)
    .replace(/[\\`*_{}[\]#!|~$]/g, '\\$&')
    .replace(/[&<>]/g, (c) => entities[c]!)
    .replace(/@(?=\w)/g, '@\u200b')

/** A field of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP). */
export function csvField(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = sanitize(value)
  const safe = /^\s*[=+\-@]/.test(text) ? `'${text}` : text
  return /[",\s]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The message of a GitHub workflow command. */
export const commandData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

/** A property of a GitHub workflow command, such as its file. */
export const commandProperty = (text: string): string => commandData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
