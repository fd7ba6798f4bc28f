import type { CommandEntry, CommandIo } from './commands/command.ts'
import { describeFailure, failureAnnotations } from './commands/errors.ts'
import { commandHelp, generalHelp } from './commands/help.ts'
import { commands } from './commands/index.ts'
import { exitCodes } from './core/judge/exit-code.ts'
import { version } from './util/assets.ts'
import { explainByBuiltins, restoreBuiltins } from './util/builtins.ts'
import { closestMatch } from './util/closest-match.ts'
import { UsageError } from './util/errors.ts'
import { launchFolder } from './util/files.ts'
import { keepStandardError, takeStandardOutput } from './util/standard-output.ts'
import { handleStrayErrors } from './util/stray-errors.ts'

/** NO_COLOR (no-color.org) comes first, then FORCE_COLOR (force-color.org; 0 turns colors off), then the stream. */
function wantsColor({ isTTY }: NodeJS.WriteStream, { NO_COLOR, FORCE_COLOR, TERM } = process.env): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTTY === true && TERM !== 'dumb'
}

async function runCommand({ name, load }: CommandEntry, argv: readonly string[], io: CommandIo): Promise<number> {
  const [command, { parseCommandLine }, { redirectStandardDescriptor }, { checkTimeLimits }] = await Promise.all([
    load(),
    import('./commands/parse.ts'),
    import('./util/standard-descriptor.ts'),
    import('./util/time-limits.ts'),
  ])
  const parsed = parseCommandLine(`isobench ${name}`, command, argv)
  if (!parsed.help) {
    redirectStandardDescriptor()
    checkTimeLimits()
    return command.run(parsed.args, parsed.options, io)
  }
  // Only a command with reporters needs them here, and that one has loaded them.
  const kinds = 'reporter' in command.options ? (await import('./reporters/index.ts')).reporters : {}
  io.out.write(commandHelp(name, command, Object.values(kinds), io.color))
  return exitCodes.clean
}

/**
 * Rejects with the first error that no code handles. Commands that use the host handle such errors themselves, because
 * they must release it first. It is in effect until the process ends, so user code cannot end it with another code. An
 * error after the command has ended is printed, and the command is not clean.
 */
const strayError = ({ err }: CommandIo): { readonly first: Promise<never>; end(code?: number): void } => {
  let isOver = false
  let codeOfCommand: number | undefined
  const first = new Promise<never>((_, reject) =>
    handleStrayErrors((error) => {
      if (!isOver) return reject(error)
      err.write(describeFailure(error, wantsColor(err)).text)
      // The command has stated its own code.
      if (!hasLateError && codeOfCommand === exitCodes.clean)
        err.write(`exit code ${exitCodes.invalid}: code of the project left an error that no code handles\n`)
      hasLateError = true
    }),
  )
  const end = (code?: number) => {
    isOver = true
    codeOfCommand ??= code
  }
  return { first, end }
}

/** Whether user code left an error that was printed after the command had ended. */
let hasLateError = false

/** The exit code of the process, by that of its command. */
export const finalExitCode = (code: number): number =>
  hasLateError && code === exitCodes.clean ? exitCodes.invalid : code

/**
 * Runs one command line.
 * @param argv without node and the script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const io: CommandIo = {
    cwd: launchFolder ?? '/',
    out: takeStandardOutput(process),
    err: keepStandardError(process),
    color: wantsColor(process.stdout),
    commands,
  }
  const [first = ''] = argv
  const stray = strayError(io)
  try {
    if (first === '-h' || first === '--help') {
      io.out.write(generalHelp(commands, version(), io.color))
      return exitCodes.clean
    }
    if (first === '-v' || first === '--version') {
      io.out.write(`isobench/${version()} ${process.platform}-${process.arch} node-${process.version}\n`)
      return exitCodes.clean
    }
    if (launchFolder === undefined)
      throw new UsageError('the current folder was removed', 'change to a folder that exists: cd "$PWD"')
    const named = commands.find(({ name }) => name === first)
    // The first argument is a filter of `run` if it is not a command: `isobench startup` is `isobench run startup`.
    const run = named ? runCommand(named, argv.slice(1), io) : runCommand(commands[0]!, argv, io)
    const code = await Promise.race([run, stray.first])
    stray.end(code)
    return code
  } catch (thrown) {
    // Any error may be the result of a builtin that user code changed.
    const error = explainByBuiltins(thrown, 'code of the project')
    const { text, exitCode } = describeFailure(error, wantsColor(io.err))
    io.err.write(text)
    // The runner reads commands from both streams. Standard output may be a report.
    if (process.env.GITHUB_ACTIONS === 'true') io.err.write(failureAnnotations(error))
    // A mistyped command is a filter that matches no file.
    const command = closestMatch(
      first,
      commands.map(({ name }) => name),
    )
    if (command && command !== first && error instanceof UsageError && error.message.includes(`"${first}"`))
      io.err.write(`       Did you mean the command: isobench ${command}?\n`)
    return exitCode
  } finally {
    stray.end()
    restoreBuiltins()
  }
}
