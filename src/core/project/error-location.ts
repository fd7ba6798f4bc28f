import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { type Location, parseStackFrames } from '../../dsl/errors.ts'
import { IsobenchError, isError } from '../../util/errors.ts'
import { ProjectCodeError } from './project-code-error.ts'

/** A position of the compiled file in its source, if the file has a source map beside it. */
function inSource({ file, line, column }: Location): Location {
  const map = `${file}.map`
  if (!existsSync(map)) return { file, line, column }
  const entry = new SourceMap(JSON.parse(readFileSync(map, 'utf8'))).findEntry(line - 1, column - 1)
  if (!('originalSource' in entry)) return { file, line, column }
  const { originalSource, originalLine, originalColumn } = entry
  return { file: resolve(dirname(file), originalSource), line: originalLine + 1, column: originalColumn + 1 }
}

/** Whether a file is the project's own, and of none of its dependencies. */
export const isProjectFile = (root: string, file: string): boolean =>
  file.startsWith(join(root, '/')) && !file.includes('/node_modules/')

/**
 * Where code of a project threw an error: the innermost frame in a file of the project. Undefined for errors that
 * isobench throws, such as that of a failed command, because their cause is not in the project's code.
 * @param root the project's folder
 */
export function errorLocation(thrown: unknown, root: string): Location | undefined {
  if (thrown instanceof ProjectCodeError) return thrown.location
  if (!isError(thrown) || thrown instanceof IsobenchError || thrown.cause instanceof IsobenchError) return undefined
  // Watch mode loads bench files without source maps, because Node never frees those.
  return stackLocation(String(thrown.stack), root)
}

/** The frames of a stack trace as frames of sources. Node.js does that for errors only. */
export const sourceFrames = (stack: string): string[] =>
  parseStackFrames(stack)
    .map(inSource)
    .map(({ file, line, column }) => `    at ${file}:${line}:${column}`)

/** The innermost frame of a stack trace in a file of the project. Frames of compiled files become those of sources. */
export function stackLocation(stack: string, root: string): Location | undefined {
  const isOwn = ({ file }: Location) => isProjectFile(root, file)
  const frames = parseStackFrames(stack).filter(isOwn)
  try {
    const own = frames.map(inSource).find((frame) => isOwn(frame) && !frame.file.includes('/.isobench/'))
    return own && existsSync(own.file) ? own : undefined
  } catch {
    // A source map that is being written has no location, and the error itself matters more.
    return undefined
  }
}
