import type { CommandEntry, CommandIo } from './commands/command.ts'
import { describeFailure, failureAnnotations } from './commands/errors.ts'
import { commandHelp, generalHelp } from './commands/help.ts'
import { commands } from './commands/index.ts'
import { printLeftError, stateExitCode } from './commands/left-errors.ts'
import { exitCodes } from './core/judge/exit-code.ts'
import { version } from './util/assets.ts'
import { explainByBuiltins, restoreBuiltins } from './util/builtins.ts'
import { closestMatch } from './util/closest-match.ts'
import { UsageError } from './util/errors.ts'
import { launchFolder } from './util/files.ts'
import { keepStandardError, takeStandardOutput } from './util/standard-output.ts'
import { handleStrayErrors } from './util/stray-errors.ts'
import { wantsColor } from './util/terminal.ts'

async function runCommand({ name, load }: CommandEntry, argv: readonly string[], io: CommandIo): Promise<number> {
  const [command, { parseCommandLine }, { redirectStandardDescriptor }, { checkTimeLimits }, { handleLeftLoops }] =
    await Promise.all([
      load(),
      import('./commands/parse.ts'),
      import('./util/standard-descriptor.ts'),
      import('./util/time-limits.ts'),
      import('./core/project/left-loops.ts'),
    ])
  const parsed = parseCommandLine(`isobench ${name}`, command, argv)
  if (!parsed.help) {
    redirectStandardDescriptor()
    checkTimeLimits()
    // Until the process ends, because such a loop may begin when the command has ended.
    handleLeftLoops()
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
const strayError = ({ err }: CommandIo): { readonly first: Promise<never>; end(): void } => {
  let isOver = false
  const first = new Promise<never>((_, reject) =>
    handleStrayErrors((error) => (isOver ? printLeftError(error, err) : reject(error))),
  )
  const end = () => {
    isOver = true
  }
  return { first, end }
}

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
    stray.end()
    stateExitCode(code, io.err)
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
