import { cac } from 'cac'
import pc from 'picocolors'
import type { CommandIo, CommandSpec } from './commands/command.ts'
import { commands } from './commands/index.ts'
import { problemText } from './commands/setup.ts'
import { exitCodes } from './core/judge/exit-code.ts'
import { ProjectError } from './core/model/suite.ts'
import { version } from './util/assets.ts'
import { closestMatch } from './util/closest-match.ts'
import { InterruptedError, IsobenchError, messageOf, UsageError } from './util/errors.ts'

const nameOf = ({ usage }: CommandSpec) => usage.split(' ')[0]!

const exitCodeHelp = {
  title: 'Exit codes',
  body: [
    '  0    clean',
    '  1    something regressed past a finding, or an expectation failed',
    '  3    a verdict is in doubt, with --strict',
    '  4    nothing was evaluated',
    '  5    the config, a bench file or the command line is wrong, or this machine lacks something',
    '  130  interrupted',
  ].join('\n'),
}

async function reporterHelp() {
  const { reporters } = await import('./reporters/index.ts')
  const lines = Object.values(reporters).map(({ name, description: about }) => `  ${name.padEnd(18)} ${about}`)
  return { title: 'Reporters', body: lines.join('\n') }
}

interface Section {
  readonly title?: string
  readonly body: string
}

/** The parser, with a function that hears which command was asked for. `extra` ends the help. */
function parser(extra: readonly Section[], chosen: (command: CommandSpec, args: string[], options: Given) => void) {
  const cli = cac('isobench')
  for (const command of commands) {
    const made = cli.command(command.usage, command.description, { allowUnknownOptions: true })
    for (const { flag, description: about } of command.options) made.option(flag, about)
    made.action((...given: unknown[]) => {
      const { '--': _, ...options } = given.pop() as Given
      const args = given.flat().filter((arg) => arg !== undefined)
      chosen(command, args.map(String), options)
    })
  }
  cli.version(version())
  cli.help((sections) => [...sections, ...extra])
  return cli
}

type Given = Record<string, unknown>

/** An option that the command does not have, with the nearest that it has. cac itself only says that it is unknown. */
function checkKnown(command: CommandSpec, options: Given, argv: readonly string[]): void {
  const known = command.options.map(({ flag }) => /^--(?:no-)?([a-z-]+)/.exec(flag)![1]!)
  const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  for (const name of Object.keys(options)) {
    if (['--', 'help', 'h', 'version', 'v'].includes(name) || known.some((one) => camel(one) === name || one === name))
      continue
    const close = closestMatch(name, known)
    // cac takes --no-such for a `such` that is false.
    const asked = argv.includes(`--no-${name}`) ? `no-${name}` : name
    throw new UsageError(
      `isobench ${nameOf(command)} has no option --${asked}`,
      close ? `did you mean --${close}?` : `see isobench ${nameOf(command)} --help`,
    )
  }
}

/** What the kernel refused, such as EACCES or ENOSPC: its message names the file, and isobench is not at fault. */
const isSystemError = (error: Error): boolean => 'syscall' in error && 'code' in error

/** What a failure ends with, told on standard error without a stack. */
function tell(error: unknown, io: CommandIo): number {
  const { red, dim } = pc.createColors(wantsColor(io.err))
  if (error instanceof ProjectError) {
    for (const problem of error.problems) io.err.write(`${red('error')} ${problemText(problem)}`)
    return exitCodes.author
  }
  if (error instanceof InterruptedError) {
    io.err.write('interrupted; everything that was opened is closed\n')
    return exitCodes.interrupted
  }
  const known = error instanceof IsobenchError
  io.err.write(`${red('error')} ${messageOf(error)}${known ? dim(` (${error.code})`) : ''}\n`)
  if (known && error.fix) io.err.write(`    ${error.fix}\n`)
  if (!known && error instanceof Error && error.name !== 'CACError' && !isSystemError(error)) {
    io.err.write(dim(`    this is a fault of isobench itself; ISOBENCH_DEBUG=1 shows where\n`))
    if (process.env.ISOBENCH_DEBUG) io.err.write(`${error.stack}\n`)
  }
  return exitCodes.author
}

/** NO_COLOR (no-color.org) comes first, then FORCE_COLOR (force-color.org; 0 turns colours off), then what the stream is. */
function wantsColor({ isTTY }: NodeJS.WriteStream, { NO_COLOR, FORCE_COLOR, TERM } = process.env): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTTY === true && TERM !== 'dumb'
}

/** Runs one command line and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const io: CommandIo = {
    cwd: process.cwd(),
    out: process.stdout,
    err: process.stderr,
    color: wantsColor(process.stdout),
  }
  try {
    const names = commands.map(nameOf)
    const asksHelp = argv.some((arg) => arg === '--help' || arg === '-h')
    const first = argv[0]
    // A first word that is no command is a filter of `run`: `isobench startup` is `isobench run startup`.
    const explicit = first !== undefined && (names.includes(first) || /^(-h|--help|-v|--version)$/.test(first))
    let chosen: (() => Promise<number>) | undefined
    const cli = parser(asksHelp ? [await reporterHelp(), exitCodeHelp] : [], (command, args, options) => {
      checkKnown(command, options, argv)
      chosen = async () => (await command.load()).run(args, options, io)
    })
    cli.parse(['node', 'isobench', ...(explicit ? argv : ['run', ...argv])])
    return (await chosen?.()) ?? exitCodes.clean
  } catch (error) {
    return tell(error, io)
  }
}
