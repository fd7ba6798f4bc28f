import { exitCodes } from '../core/judge/exit-code.ts'
import { releases } from '../host/releases/manifest.ts'
import { drivers } from '../platforms/index.ts'
import { reporters } from '../reporters/index.ts'
import { type CommandEntry, defineCommand } from './command.ts'
import { type CompletionCommand, type CompletionValue, completionScripts } from './completion-scripts.ts'
import { type Completion, flagNames } from './options.ts'

/** What is completed for a value that is not a file name. */
export const completionWords: Readonly<Record<Exclude<Completion, 'file'>, readonly string[]>> = {
  platforms: Object.keys(drivers).sort(),
  profiles: ['quick', 'full', 'paper'],
  releases: [...new Set(releases.map(({ name }) => name))].sort(),
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

const completionValue = (completion: Completion | undefined, choices: readonly string[] = []): CompletionValue => ({
  words: completion && completion !== 'file' ? completionWords[completion] : choices,
  kind: completion,
})

/** What the scripts contain about the commands. */
export async function describeCommands(commands: readonly CommandEntry[]): Promise<CompletionCommand[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const { options, arguments: args = [] } = await load()
      const flags = Object.entries(options).flatMap(([key, spec]) =>
        flagNames(key, spec).map((flag) => ({
          flag,
          description: spec.description,
          repeatable: spec.repeatable === true,
          value: spec.value === undefined || spec.value.startsWith('[') ? undefined : completionValue(spec.completion),
        })),
      )
      return {
        name,
        summary,
        flags,
        args: args.map(({ name: argument, variadic = false, completion, choices }) => {
          const value = completionValue(completion, choices)
          // Arguments are words. Only values of options are lists such as native,runc.
          return { name: argument, variadic, value: completion === 'file' ? value : { ...value, kind: undefined } }
        }),
      }
    }),
  )
}
