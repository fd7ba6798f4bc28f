import { cac } from 'cac'
import pc from 'picocolors'
import { cleanCommand } from './commands/clean.ts'
import type { CommandSpec, Io } from './commands/command.ts'
import { doctorCommand } from './commands/doctor.ts'
import { imageCommand } from './commands/image.ts'
import { initCommand } from './commands/init.ts'
import { judgeCommand } from './commands/judge.ts'
import { listCommand } from './commands/list.ts'
import { problemText } from './commands/problems.ts'
import { runCommand } from './commands/run.ts'
import { AuthoringError } from './core/errors.ts'
import { exitCodes } from './core/judge/exit-code.ts'
import { version } from './entries.ts'
import { InterruptedError, IsobenchError, messageOf, UsageError } from './errors.ts'
import { nearest } from './nearest.ts'
import { reporters } from './reporters/index.ts'

const commands: readonly CommandSpec[] = [
  runCommand,
  listCommand,
  doctorCommand,
  judgeCommand,
  imageCommand,
  cleanCommand,
  initCommand,
]

const nameOf = ({ usage }: CommandSpec) => usage.split(' ')[0]!

const help = {
  reporters: () => ({
    title: 'Reporters',
    body: Object.values(reporters)
      .map(({ name, about }) => `  ${name.padEnd(18)} ${about}`)
      .join('\n'),
  }),
  exit: () => ({
    title: 'Exit codes',
    body: [
      '  0    clean',
      '  1    something regressed past a finding, or an expectation failed',
      '  3    a verdict is in doubt, with --strict',
      '  4    nothing was evaluated',
      '  5    the config, a bench file or the command line is wrong',
      '  130  interrupted',
    ].join('\n'),
  }),
}

function parser(io: Io, started: (work: Promise<number>) => void) {
  const cli = cac('isobench')
  for (const command of commands) {
    const made = cli.command(command.usage, command.about)
    for (const { flag, about } of command.options) made.option(flag, about)
    made.action((...args: unknown[]) => {
      const options = args.pop() as Record<string, unknown>
      const { '--': _, ...known } = options
      started(
        command.run(
          args
            .flat()
            .filter((arg) => arg !== undefined)
            .map(String),
          known,
          io,
        ),
      )
    })
  }
  cli.version(version())
  cli.help((sections) => [
    ...sections,
    ...(sections.some(({ title }) => title === 'Options') ? [help.reporters(), help.exit()] : []),
  ])
  return cli
}

/** An option that the command does not have, with the nearest that it has. cac itself only says that it is unknown. */
function checkKnown(command: CommandSpec, options: Readonly<Record<string, unknown>>): void {
  const known = command.options.map(({ flag }) => /^--([a-z-]+)/.exec(flag)![1]!)
  const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  for (const name of Object.keys(options)) {
    if (['--', 'help', 'h', 'version', 'v'].includes(name) || known.some((one) => camel(one) === name || one === name))
      continue
    const close = nearest(name, known)
    throw new UsageError(
      `isobench ${nameOf(command)} has no option --${name}`,
      close ? `did you mean --${close}?` : `see isobench ${nameOf(command)} --help`,
    )
  }
}

/** What a failure ends with, told on standard error without a stack. */
function tell(error: unknown, io: Io): number {
  const { red, dim } = pc.createColors(io.color)
  if (error instanceof AuthoringError) {
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
  if (!known && error instanceof Error && error.name !== 'CACError') {
    io.err.write(dim(`    this is a fault of isobench itself; ISOBENCH_DEBUG=1 shows where\n`))
    if (process.env.ISOBENCH_DEBUG) io.err.write(`${error.stack}\n`)
  }
  return exitCodes.author
}

/** Runs one command line and returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const color = pc.isColorSupported && process.stdout.isTTY === true
  const io: Io = { cwd: process.cwd(), out: process.stdout, err: process.stderr, color }
  try {
    const names = commands.map(nameOf)
    // A first word that is no command is a filter of `run`.
    const explicit = argv[0] !== undefined && (names.includes(argv[0]) || /^(-h|--help|-v|--version)$/.test(argv[0]))
    const line = explicit ? argv : ['run', ...argv]
    let work: Promise<number> | undefined
    const cli = parser(io, (started) => {
      work = started
    })
    cli.parse(['node', 'isobench', ...line], { run: false })
    const command = commands.find((one) => nameOf(one) === cli.matchedCommandName)
    if (command && !cli.options.help && !cli.options.version) checkKnown(command, cli.options)
    await cli.runMatchedCommand()
    return (await work) ?? exitCodes.clean
  } catch (error) {
    return tell(error, io)
  }
}
