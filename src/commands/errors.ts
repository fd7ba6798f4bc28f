import { dirname, relative, resolve } from 'node:path'
import pc from 'picocolors'
import { exitCodes } from '../core/judge/exit-code.ts'
import { ReportFileError } from '../core/model/report-file-error.ts'
import { type Problem, ProjectError } from '../core/model/suite.ts'
import { ProjectCodeError } from '../core/project/project-code-error.ts'
import { DifferentHostsError } from '../core/records/fingerprint.ts'
import { parseStackFrames } from '../dsl/errors.ts'
import { annotation, shownAnnotations } from '../reporters/annotation.ts'
import { problemFrame } from '../reporters/code-frame.ts'
import { differenceText } from '../reporters/host-differences.ts'
import { bundlePath } from '../util/assets.ts'
import {
  InterruptedError,
  IsobenchError,
  isError,
  messageOf,
  suppressedErrors,
  UncertainError,
} from '../util/errors.ts'
import { launchFolder, pathFix, systemFix } from '../util/files.ts'
import { StrayError } from '../util/stray-errors.ts'
import { sanitize } from '../util/text.ts'

/** Columns of a code frame in a log. */
const frameWidth = 120

const fixLine = (fix: string): string => `       fix: ${sanitize(fix)}\n`

/** `file:line:column  what is wrong`, the lines of the source, and how to fix it. */
export function problemText(problem: Problem, root: string, cwd = launchFolder ?? '/'): string {
  const { file, message, fix, location } = problem
  const path = relative(cwd, location?.file ?? resolve(root, file))
  const where = location ? `${path}:${location.line}:${location.column}` : path
  const frame = problemFrame(problem, process.stderr.columns || frameWidth).map((line) => `${line}\n`)
  return `${sanitize(where)}  ${sanitize(message)}\n${frame.join('')}${fix ? fixLine(fix) : ''}`
}

/** What the bundler warns of, for standard error. */
export const warningsText = (warnings: readonly Problem[], root: string): string =>
  warnings.map((warning) => `warning  ${problemText(warning, root)}`).join('')

/** A refusal of the kernel, such as EACCES or ENOSPC. Its message names the file, and it is not a bug in isobench. */
const isSystemError = (error: Error): boolean =>
  'code' in error && ('syscall' in error || error.code === 'ERR_ACCESS_DENIED')

/** Where the code of the user failed that left a stray error behind: `file:line:column  `. */
function whereFrom(error: unknown, cwd = launchFolder ?? '/'): string {
  const stack = error instanceof StrayError && isError(error.thrown) ? String(error.thrown.stack) : ''
  const isTheirs = (file: string) => !file.includes('/node_modules/') && !file.startsWith(dirname(bundlePath('index')))
  const own = parseStackFrames(stack).find(({ file }) => isTheirs(file))
  return own ? `${sanitize(relative(cwd, own.file))}:${own.line}:${own.column}  ` : ''
}

/** An error that code of the project caused, with the line of that code. */
function withProblems(error: unknown): unknown {
  const cause = error instanceof ReportFileError ? error.cause : error
  if (!(cause instanceof ProjectCodeError) || !cause.location) return error
  const { message, fix = cause.fix } = error as IsobenchError
  return new ProjectError([{ ...cause.problem(cause.location.file), message, fix }], dirname(cause.location.file))
}

/** What is printed on standard error for a failed command, without a stack trace, and the exit code. */
export function describeFailure(thrown: unknown, color: boolean): { readonly text: string; readonly exitCode: number } {
  const error = withProblems(thrown)
  const { red, dim } = pc.createColors(color)
  if (error instanceof StrayError && error.thrown instanceof InterruptedError)
    return { text: 'interrupted before it could release the host.\n', exitCode: exitCodes.interrupted }
  if (error instanceof InterruptedError)
    return { text: 'interrupted; all resources on the host are released.\n', exitCode: exitCodes.interrupted }
  const exitCode = error instanceof UncertainError ? exitCodes.inconclusive : exitCodes.invalid
  const both = suppressedErrors(error)
  if (both) {
    const [first, later] = both.map((one) => describeFailure(one, color))
    const isInterrupted = both[0] instanceof InterruptedError
    return { ...first!, text: `${isInterrupted ? 'interrupted.\n' : first!.text}${later!.text}` }
  }
  if (error instanceof ProjectError)
    return {
      text: error.problems.map((problem) => `${red('error')}  ${problemText(problem, error.root)}`).join(''),
      exitCode,
    }
  const headline = `${red('error')}  ${whereFrom(error)}${messageOf(error)}`
  if (error instanceof DifferentHostsError) {
    const differences = error.differences.map((difference) => `     ${differenceText(difference)}\n`).join('')
    return { text: `${headline}${dim(` (${error.code})`)}:\n${differences}${fixLine(error.fix!)}`, exitCode }
  }
  if (error instanceof IsobenchError)
    return { text: `${headline}${dim(` (${error.code})`)}\n${error.fix ? fixLine(error.fix) : ''}`, exitCode }
  if (!(error instanceof Error)) return { text: `${headline}\n`, exitCode }
  if (isSystemError(error)) {
    const fix = systemFix(error) ?? pathFix(error)
    return { text: `${headline}\n${fix ? fixLine(fix) : ''}`, exitCode }
  }
  const report = 'This is a bug in isobench. Set ISOBENCH_DEBUG=1 to see the stack trace, and please report it.'
  const stack = process.env.ISOBENCH_DEBUG ? `${error.stack}\n` : ''
  return { text: `${headline}\n${dim(`       ${report}`)}\n${stack}`, exitCode }
}

/** The annotations of a failed command for GitHub Actions. An interruption has none. */
export function failureAnnotations(thrown: unknown): string {
  const error = withProblems(thrown)
  if (error instanceof InterruptedError) return ''
  const both = suppressedErrors(error)
  if (both) return both.map(failureAnnotations).join('')
  const title = 'isobench cannot run'
  const withFix = (message: string, fix?: string) => (fix ? `${message} fix: ${fix}` : message)
  if (!(error instanceof ProjectError)) {
    const fix = error instanceof IsobenchError ? error.fix : undefined
    return annotation('error', title, withFix(messageOf(error), fix))
  }
  const shown = error.problems.slice(0, shownAnnotations).map(({ file, message, fix, location }) => {
    const line = location && { line: location.line }
    return annotation('error', title, withFix(message, fix), {
      root: error.root,
      file: location?.file ?? file,
      ...line,
    })
  })
  return shown.join('')
}
