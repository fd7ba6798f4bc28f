import { exitCodes } from '../core/judge/exit-code.ts'
import { drivers } from '../platforms/index.ts'
import { reporters } from '../reporters/index.ts'
import { type CommandEntry, defineCommand } from './command.ts'
import { type CompletionCommand, completionScripts } from './completion-scripts.ts'
import { type Completion, flagNames, type OptionSpec } from './options.ts'

/** What is completed for a value that is not a file name. */
export const completionWords: Readonly<Record<Exclude<Completion, 'file'>, readonly string[]>> = {
  platforms: Object.keys(drivers).sort(),
  profiles: ['quick', 'full', 'paper'],
  reporters: Object.keys(reporters),
}

type Shell = keyof typeof completionScripts
const shells = Object.keys(completionScripts) as Shell[]

export const command = defineCommand({
  description:
    'Prints a script that completes commands, options and values in a shell. ' +
    'Load it in the start-up file of the shell.',
  arguments: [{ name: 'shell', description: 'bash, zsh or fish', required: true, choices: shells }],
  options: {},
  examples: [
    { line: 'completion bash', description: 'bash: source <(isobench completion bash)' },
    { line: 'completion zsh', description: 'zsh: source <(isobench completion zsh)' },
    { line: 'completion fish', description: 'fish: isobench completion fish | source' },
  ],
  run: async ([shell], _options, io) => {
    io.out.write(completionScripts[shell as Shell](await describeCommands(io.commands)))
    return exitCodes.clean
  },
})

const completionValue = ({
  value,
  completion,
  choices,
}: Pick<OptionSpec, 'value' | 'completion'> & { choices?: readonly string[] }) =>
  value === undefined
    ? undefined
    : { words: choices ?? (completion && completion !== 'file' ? completionWords[completion] : []), kind: completion }

/** What the scripts need to know about the commands. */
export async function describeCommands(commands: readonly CommandEntry[]): Promise<CompletionCommand[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const { options, arguments: args = [] } = await load()
      return {
        name,
        summary,
        flags: Object.entries(options).flatMap(([key, spec]) =>
          flagNames(key, spec).map((flag) => ({
            flag,
            description: spec.description,
            repeatable: spec.repeatable === true,
            value: completionValue(spec),
          })),
        ),
        args: args.map((spec) => ({
          ...spec,
          variadic: spec.variadic === true,
          value: completionValue({ ...spec, value: spec.name })!,
        })),
      }
    }),
  )
}
