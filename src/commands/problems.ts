import { relative } from 'node:path'
import type { Problem } from '../core/errors.ts'
import { sanitizeLine } from '../errors.ts'

/** `file:line:column  what is wrong`, then how to mend it. */
export function problemText({ file, message, fix, location }: Problem, cwd = process.cwd()): string {
  const where = location ? `${relative(cwd, location.file)}:${location.line}:${location.column}` : file
  return `${where}  ${sanitizeLine(message)}\n${fix ? `    ${sanitizeLine(fix)}\n` : ''}`
}
