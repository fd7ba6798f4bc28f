import type { Completion } from './options.ts'

/** What a shell offers for a value: words, or file names. */
export interface CompletionValue {
  readonly words: readonly string[]
  readonly kind: Completion | undefined
}

/** A command with all that completion scripts contain about it. */
export interface CompletionCommand {
  readonly name: string
  readonly summary: string
  readonly flags: readonly {
    /** `--platform` */
    readonly flag: string
    readonly description: string
    readonly repeatable: boolean
    /** A switch has none. */
    readonly value: CompletionValue | undefined
  }[]
  readonly args: readonly {
    readonly name: string
    readonly variadic: boolean
    readonly value: CompletionValue
  }[]
}

/** Every option that takes a value, once: an option has the same values in all commands. */
function valueFlags(commands: readonly CompletionCommand[]): Map<string, CompletionValue> {
  const values = new Map<string, CompletionValue>()
  for (const { flags } of commands) for (const { flag, value } of flags) if (value) values.set(flag, value)
  return values
}

/** `'…'` for bash and zsh. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The first sentence or clause, for a list of candidates. */
const brief = (description: string): string => description.split(/[;:(]|\. /)[0]!.trim()

function bashValue({ words, kind }: CompletionValue): string {
  if (kind === 'file') return '_isobench_files "$value"'
  if (kind === 'platforms') return `_isobench_list "$value" ${quote(words.join(' '))}`
  if (kind === 'reporters') return `_isobench_reporter "$value" ${quote(words.join(' '))}`
  return words.length > 0 ? `_isobench_words "$value" ${quote(words.join(' '))}` : ':'
}

/** A script for bash 4.3 and later. It needs no other package. */
function bash(commands: readonly CompletionCommand[]): string {
  const names = commands.map(({ name }) => name)
  const flags = valueFlags(commands)
  const flagLines = [...flags].map(([flag, value]) => `    ${flag}) ${bashValue(value)} ;;`)
  const commandLines = commands.map(({ name, flags: own }) => {
    const all = [...own.map(({ flag }) => flag), '--help']
    return `    ${name}) flags=${quote(all.join(' '))} ;;`
  })
  const argLines = commands.flatMap(({ name, args }) =>
    args.map(({ variadic, value }, index) => `    ${name}:${variadic ? '*' : index}) ${bashValue(value)} ;;`),
  )
  return `# bash completion for isobench. Load it: source <(isobench completion bash)

# Offers words that start with a value.
_isobench_words() {
  COMPREPLY+=($(compgen -W "$2" -- "$1"))
}

_isobench_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen -f -- "$1"))
}

# Offers words for the last part of a list such as native,runc.
_isobench_list() {
  local done=""
  [[ "$1" == *,* ]] && done="\${1%,*},"
  COMPREPLY+=($(compgen -P "$done" -W "$2" -- "\${1##*,}"))
  compopt -o nospace 2>/dev/null
}

# Offers names of reporters, and files after name=.
_isobench_reporter() {
  if [[ "$1" == *=* ]]; then
    local IFS=$'\\n' name="\${1%%=*}="
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -P "$name" -f -- "\${1#*=}"))
  else
    _isobench_words "$1" "$2"
  fi
}

_isobench() {
  local line="\${COMP_LINE:0:COMP_POINT}" IFS=$' \\t\\n'
  local words=() word value option="" command=run first=1 arg=0 flags="" literal=""
  read -ra words <<<"$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  COMPREPLY=()
  value="\${words[\${#words[@]}-1]}"

  if ((\${#words[@]} > 2)); then
    case "\${words[1]}" in
      ${names.join('|')}) command="\${words[1]}" first=2 ;;
    esac
  fi

  # The words before the current one: count arguments, and find an option that waits for its value.
  for word in "\${words[@]:first:\${#words[@]}-first-1}"; do
    if [[ -n "$option" ]]; then
      option=""
      continue
    fi
    if [[ -n "$literal" ]]; then
      arg=$((arg + 1))
      continue
    fi
    case "$word" in
      --) literal=1 ;;
      ${[...flags.keys()].join('|')}) option="$word" ;;
      -*) ;;
      *) arg=$((arg + 1)) ;;
    esac
  done
  if [[ -z "$option$literal" && "$value" == --*=* ]]; then
    option="\${value%%=*}"
    value="\${value#*=}"
  fi

  case "$command" in
${commandLines.join('\n')}
  esac

  if [[ -n "$option" ]]; then
    case "$option" in
${flagLines.join('\n')}
    esac
  elif [[ -z "$literal" && "$value" == -* ]]; then
    _isobench_words "$value" "$flags"
    ((\${#words[@]} == 2)) && _isobench_words "$value" --version
  else
    ((\${#words[@]} == 2)) && _isobench_words "$value" ${quote(names.join(' '))}
    case "$command:$arg" in
${argLines.join('\n')}
    esac
  fi

  # bash splits words at "=", and replaces only what follows it.
  local current="\${words[\${#words[@]}-1]}" index
  if [[ "$COMP_WORDBREAKS" == *=* && "$current" == *=* ]]; then
    local before="\${current%=*}="
    [[ -n "$option" && "$current" == "$option="* ]] && before="\${before#"$option="}"
    for index in "\${!COMPREPLY[@]}"; do COMPREPLY[index]="\${COMPREPLY[index]#"$before"}"; done
  fi
}

complete -F _isobench isobench
`
}

function zshValue({ words, kind }: CompletionValue): string {
  if (kind === 'file') return '_files'
  if (kind === 'platforms') return '_isobench_platforms'
  if (kind === 'reporters') return '_isobench_reporters'
  return words.length > 0 ? `(${words.join(' ')})` : ' '
}

const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&')

/** A script for zsh, to be sourced, or saved as a function `_isobench` in `fpath`. */
function zsh(commands: readonly CompletionCommand[]): string {
  const words = (kind: Completion) =>
    [...valueFlags(commands).values()].find((value) => value.kind === kind)?.words.join(' ') ?? ''
  const cases = commands.map(({ name, flags, args }) => {
    const specs = [
      ...flags.map(({ flag, description, repeatable, value }) => {
        const head = `${repeatable ? '*' : ''}${flag}${value ? '=' : ''}[${zshText(brief(description))}]`
        return value ? `${head}:value:${zshValue(value)}` : head
      }),
      '(- *)--help[show the options]',
      ...args.map(({ name: arg, variadic, value }, index) => `${variadic ? '*' : index + 1}:${arg}:${zshValue(value)}`),
    ]
    return `    ${name})\n      _arguments -S ${specs.map((spec) => `\\\n        ${quote(spec)}`).join(' ')}\n      ;;`
  })
  return `#compdef isobench
# zsh completion for isobench. Load it: source <(isobench completion zsh)

_isobench_platforms() {
  _values -s , platform ${words('platforms')}
}

_isobench_reporters() {
  if compset -P '*='; then
    _files
  else
    compadd ${words('reporters')}
  fi
}

_isobench() {
  local command=run
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join('\n')}
  )
  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    _files
    return
  fi
  if [[ -n \${commands[(r)\${words[2]}:*]} ]]; then
    command=$words[2]
    shift words
    ((CURRENT--))
  fi
  case $command in
${cases.join('\n')}
  esac
}

if [[ $funcstack[1] == _isobench ]]; then
  _isobench "$@"
else
  compdef _isobench isobench
fi
`
}

const fishQuote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

function fishValue(value: CompletionValue): string {
  const { words, kind } = value
  if (kind === 'file') return '-r -F'
  if (kind === 'platforms') return `-x -a '(__fish_append , ${words.join(' ')})'`
  if (kind === 'reporters') return `-x -a '(__isobench_reporters)'`
  return words.length > 0 ? `-x -a ${fishQuote(words.join(' '))}` : '-x'
}

/** A script for fish 3.1 and later. */
function fish(commands: readonly CompletionCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const reporters = [...valueFlags(commands).values()].find(({ kind }) => kind === 'reporters')?.words ?? []
  const flagsWithValue = [...valueFlags(commands).keys()].join(' ')
  const lines = commands.flatMap(({ name, summary, flags, args }) => {
    const on = `complete -c isobench -n '__isobench_is ${name}'`
    return [
      `complete -c isobench -n __isobench_needs_command -a ${name} -d ${fishQuote(summary)}`,
      ...flags.map(({ flag, description, value }) =>
        [on, '-l', flag.slice(2), ...(value ? [fishValue(value)] : []), '-d', fishQuote(brief(description))].join(' '),
      ),
      ...args.map(({ variadic, value }, index) => {
        const when = `complete -c isobench -n '__isobench_is ${name} ${index} ${variadic ? '-ge' : '-eq'}'`
        if (value.kind === 'file') return `${when} -F`
        return `${when} -a ${fishQuote(value.words.join(' '))}`
      }),
    ]
  })
  return `# fish completion for isobench. Load it: isobench completion fish | source

function __isobench_needs_command
    test (count (commandline -opc)) -eq 1
end

# Whether the command is this one and, with a number, has that many arguments before the current word (-eq, -ge).
function __isobench_is
    set -l words (commandline -opc)
    set -l command run
    set -l rest $words[2..-1]
    if test (count $words) -gt 1; and contains -- $words[2] ${names}
        set command $words[2]
        set rest $words[3..-1]
    end
    test $command = $argv[1]; or return 1
    test (count $argv) -gt 1; or return 0
    set -l arguments 0
    set -l is_value 0
    for word in $rest
        if test $is_value -eq 1
            set is_value 0
        else if contains -- $word ${flagsWithValue}
            set is_value 1
        else if not string match -q -- '-*' $word
            set arguments (math $arguments + 1)
        end
    end
    test $arguments $argv[3] $argv[2]
end

function __isobench_reporters
    set -l value (string replace -r '^--reporter=' '' -- (commandline -ct))
    if string match -q '*=*' -- $value
        set -l parts (string split -m 1 = -- $value)
        for path in $parts[2]*
            echo $parts[1]=$path
        end
    else
        printf '%s\\n' ${reporters.join(' ')}
    end
end

complete -c isobench -f
complete -c isobench -s h -l help -d 'show help'
complete -c isobench -n __isobench_needs_command -s v -l version -d 'print the version'
${lines.join('\n')}
`
}

/** The script of each shell. */
export const completionScripts = { bash, zsh, fish } as const
