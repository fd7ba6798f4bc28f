import { UnsupportedError } from '../../errors.ts'

/** What an OSv guest can be asked for. */
export interface Programs {
  /** OSv's own options, `--rootfs=rofs`, and the command that stands for a boot. */
  readonly command: string
  /** What of the image stands for a workload's program. */
  readonly programs: Readonly<Record<string, string>>
}

/** A word as OSv's parser takes it (`core/commands.cc`): in quotes, in which `\` escapes. */
const quoted = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

/** OSv's own options are split at spaces, which `\` escapes. */
const escaped = (option: string): string => option.replaceAll('\\', '\\\\').replaceAll(' ', '\\ ')

/** OSv's options are the words before the program. */
function parted(command: string): { readonly options: readonly string[]; readonly program: string } {
  const words = command.trim().split(/\s+/)
  const at = words.findIndex((word) => !word.startsWith('--'))
  return {
    options: words.slice(0, at < 0 ? words.length : at),
    program: words.slice(at < 0 ? words.length : at).join(' '),
  }
}

/** `env -C folder NAME=value program …`, by which isobench sets a command's environment and folder, as OSv's own options. */
function withoutEnv(argv: readonly string[]): {
  readonly options: readonly string[]
  readonly argv: readonly string[]
} {
  if (argv[0] !== 'env') return { options: [], argv }
  const rest = argv.slice(1)
  const options = rest[0] === '-C' ? [`--cwd=${rest.splice(0, 2)[1]}`] : []
  while (/^\w+=/.test(rest[0] ?? '')) options.push(`--env=${rest.shift()}`)
  return { options, argv: rest }
}

/**
 * The command line of an OSv kernel that runs `argv`. isobench's own programs for a boot are the image's command.
 * @throws UnsupportedError for a program that the image has nothing for.
 */
export function commandLine(
  { command, programs }: Programs,
  argv: readonly string[],
  network: readonly string[],
): string {
  const own = parted(command)
  const wanted = withoutEnv(argv)
  const [name = '', ...args] = wanted.argv
  // It takes what follows for the name of a variable, in quotes too, and nothing escapes it.
  if (args.some((word) => word.includes('$'))) {
    throw new UnsupportedError(`OSv's command line can have no "$", which ${name} is given`)
  }
  const options = [...own.options, ...network, ...wanted.options].map(escaped)
  if (Object.hasOwn(programs, name)) return [...options, programs[name], ...args.map(quoted)].join(' ')
  if (name === '/bin/busybox' && own.program !== '') return [...options, own.program].join(' ')
  throw new UnsupportedError(
    `OSv runs one program of its image and forks none, and nothing in the image stands for ${name}`,
    `name it in the platform's options: programs: { '${name}': '/…' }`,
  )
}
