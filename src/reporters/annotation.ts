import { relative, resolve } from 'node:path'
import { sanitize } from '../util/text.ts'

/** Annotations of GitHub Actions, and where CI services look for files. */

/**
 * A path relative to the repository, if a CI service says where it is: GitHub and GitLab resolve the paths of
 * annotations and test reports from there. Otherwise the path as it is.
 * @param file absolute, or relative to the project
 * @param root the project's folder
 */
export function repositoryPath(file: string, root: string, env = process.env): string {
  const repository = env.GITHUB_WORKSPACE || env.CI_PROJECT_DIR
  if (!repository) return file
  const path = relative(repository, resolve(root, file))
  return path.startsWith('..') || path === '' ? file : path
}

/** The message of a workflow command. */
export const commandData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

/** A property of a workflow command, such as its file. */
export const commandProperty = (text: string): string => commandData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** A line of a file. */
export interface Position {
  /** Absolute, or relative to `root`. */
  readonly file: string
  readonly line?: number
  /** The project's folder. */
  readonly root: string
}

/** One workflow command: GitHub shows it at that line of the pull request, or beside the step without a position. */
export function annotation(
  level: 'error' | 'warning' | 'notice',
  title: string,
  message: string,
  position?: Position,
): string {
  const place = position
    ? [
        `file=${commandProperty(sanitize(repositoryPath(position.file, position.root)))}`,
        ...(position.line === undefined ? [] : [`line=${position.line}`]),
      ]
    : []
  const properties = [...place, `title=${commandProperty(sanitize(title))}`].join(',')
  return `::${level} ${properties}::${commandData(sanitize(message, 2000))}\n`
}

/** GitHub shows as many annotations of a level and step. */
export const shownAnnotations = 10
