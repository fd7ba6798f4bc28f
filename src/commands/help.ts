import pc from 'picocolors'
import { exitCodeList } from '../core/judge/exit-code.ts'
import { listText, pad, wrap } from '../util/text.ts'
import type { ArgumentSpec, Command, CommandEntry } from './command.ts'
import { flagName, flagNames, type OptionSpec, optionGroups } from './options.ts'

const width = 80
const indent = 2

/** A name with its description, as rows of help have them. */
export interface HelpRow {
  readonly name: string
  readonly description: string
  /** Shown on the next line. */
  readonly example?: string
}

/** What the process exits with. */
export const exitCodeRows: readonly HelpRow[] = exitCodeList.map(({ code, description }) => ({
  name: String(code),
  description,
}))

/** The command lines that the general help shows. */
const commonExamples = [
  { line: 'init && isobench run --install', description: 'start in an empty directory' },
  { line: 'run startup --platform native,runc', description: 'some benches on two platforms' },
  { line: 'run --baseline main', description: 'fail if worse than a saved run' },
  { line: 'report --reporter html=report.html', description: 'the latest run as a web page' },
] as const

const described = (rows: readonly { readonly line: string; readonly description: string }[]): HelpRow[] =>
  rows.map(({ line, description }) => ({ name: `isobench ${line}`, description }))

/** Rows of two aligned columns. The description starts on the next line if the name is too long for its column. */
function rows(items: readonly HelpRow[], aligned: readonly HelpRow[] = items, longest = 45): string[] {
  const column = Math.min(longest, Math.max(...aligned.map(({ name }) => name.length)))
  const left = indent + column + 2
  return items.flatMap(({ name, description, example }) => {
    const text = [...wrap(description, width - left), ...(example ? wrap(`e.g. ${example}`, width - left) : [])]
    const head = name.length > column ? [`${' '.repeat(indent)}${name}`] : []
    const first = head.length > 0 ? ' '.repeat(left) : `${' '.repeat(indent)}${pad(name, column)}  `
    return [...head, ...text.map((line, index) => `${index === 0 ? first : ' '.repeat(left)}${line}`)]
  })
}

const section = (title: string, lines: readonly string[], bold: (text: string) => string): string[] =>
  lines.length > 0 ? ['', bold(title), ...lines] : []

/** The help of isobench without a command: every command has one line. */
export function generalHelp(commands: readonly CommandEntry[], version: string, color: boolean): string {
  const { bold } = pc.createColors(color)
  const lines = [
    `isobench ${version}: benchmarks for isolation platforms`,
    '',
    'Usage: isobench [command] [options]',
    '       isobench [filters...]           same as: isobench run [filters...]',
    ...section('Commands', rows(commands.map(({ name, summary }) => ({ name, description: summary }))), bold),
    ...section('Examples', rows(described(commonExamples)), bold),
    ...section(
      'Options',
      rows([
        { name: '-h, --help', description: 'show this help; isobench <command> --help: its options' },
        { name: '-v, --version', description: 'print the version' },
      ]),
      bold,
    ),
    ...section('Exit codes', rows(exitCodeRows), bold),
  ]
  return `${lines.join('\n')}\n`
}

/** `isobench merge [options] <records...>`. */
export const usageLine = (name: string, specs: readonly ArgumentSpec[]): string =>
  [
    `${name} [options]`,
    ...specs.map(({ name: argument, required, variadic, choices }) => {
      const inner = `${choices && choices.length <= 4 ? choices.join('|') : argument}${variadic ? '...' : ''}`
      return required ? `<${inner}>` : `[${inner}]`
    }),
  ].join(' ')

/** `--rounds <n|n..m>`, `--[no-]forbid-only`, `-t, --name <text>`. */
export function optionSignature(key: string, spec: OptionSpec): string {
  const flag = spec.negated === 'too' ? flagName(key).replace('--', '--[no-]') : flagNames(key, spec)[0]!
  const flags = spec.short ? `${spec.short}, ${flag}` : flag
  return spec.value === undefined ? flags : `${flags} ${spec.value}`
}

/** What an option does, what it applies to, and whether it may be given several times. */
export function describeOption({ description, repeatable, verbs, requires, configMeets }: OptionSpec): string {
  const required = requires && `requires ${flagName(requires)}${configMeets ? ', or its setting in the config' : ''}`
  const limits = [verbs && `only with ${listText(verbs)}`, required, repeatable && 'repeatable']
  return [description, ...limits].filter(Boolean).join('; ')
}

/** The help of one command. */
export function commandHelp(name: string, command: Command, reporters: readonly HelpRow[], color: boolean): string {
  const { bold } = pc.createColors(color)
  const specs = command.arguments ?? []
  const options = Object.entries(command.options).map(([key, spec]) => ({
    name: optionSignature(key, spec),
    description: describeOption(spec),
    example: spec.example,
    group: spec.group,
  }))
  const lines = [
    `Usage: ${usageLine(`isobench ${name}`, specs)}`,
    '',
    ...wrap(command.description, width),
    ...section('Arguments', rows(specs.map((spec) => ({ name: spec.name, description: spec.description }))), bold),
    ...optionGroups.flatMap((group) =>
      section(
        group,
        rows(
          options.filter((option) => option.group === group),
          options,
        ),
        bold,
      ),
    ),
    ...section('Keys', rows(command.keys ?? []), bold),
    ...section('Examples', rows(described(command.examples)), bold),
    ...('reporter' in command.options ? section('Reporters', rows(reporters), bold) : []),
    ...('strict' in command.options ? section('Exit codes', rows(exitCodeRows), bold) : []),
  ]
  return `${lines.join('\n')}\n`
}
