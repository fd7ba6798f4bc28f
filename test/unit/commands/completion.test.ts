import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeCommands } from '../../../src/commands/completion.ts'
import { completionScripts } from '../../../src/commands/completion-scripts.ts'
import { commands } from '../../../src/commands/index.ts'

const described = await describeCommands(commands)
const shells = ['bash', 'zsh', 'fish'] as const
const isInstalled = (shell: string) => spawnSync(shell, ['--version']).error === undefined

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-completion-'))
  for (const shell of shells) writeFileSync(join(folder, `script.${shell}`), completionScripts[shell](described))
  for (const file of ['report one.html', 'record.jsonl']) writeFileSync(join(folder, file), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

const lines: readonly [line: string, candidates: readonly string[]][] = [
  ['isobench at', ['attack-profile']],
  ['isobench re', ['report', 'record.jsonl', 'report one.html']],
  ['isobench --pl', ['--plan', '--platform']],
  ['isobench run --ro', ['--rounds']],
  ['isobench run --no', ['--no-duet', '--no-forbid-only', '--no-remeasure']],
  ['isobench judge --pl', []],
  ['isobench run --profile ', ['quick', 'full', 'paper']],
  ['isobench run --reporter j', ['json', 'junit']],
  ['isobench run --platform native,run', ['native,runc']],
  ['isobench run --json --platform gv', ['gvisor']],
  ['isobench run --name ', []],
  ['isobench run --config rec', ['record.jsonl']],
  ['isobench image p', ['path', 'prune']],
  ['isobench image path ', []],
  ['isobench judge --strict rec', ['record.jsonl']],
  ['isobench judge --reporter json rec', ['record.jsonl']],
  ['isobench attack-profile ', ['show', 'diff', 'seccomp']],
  ['isobench attack-profile diff kat', ['kata']],
  ['isobench completion ', ['bash', 'zsh', 'fish']],
  ['isobench epss import rec', ['record.jsonl']],
]

describe('the bash script', () => {
  /** Calls the function as bash does, and returns COMPREPLY for each line. */
  function complete(typed: readonly string[]): string[][] {
    const program = `
source ./script.bash
while IFS= read -r line; do
  COMP_LINE="$line" COMP_POINT=\${#line} COMPREPLY=()
  _isobench
  printf '%s\\t' "\${COMPREPLY[@]}"
  echo
done`
    const input = `${typed.join('\n')}\n`
    const output = execFileSync('bash', ['--norc', '-c', program], { cwd: folder, input, encoding: 'utf8' })
    const answers = output.split('\n').slice(0, -1)
    return answers.map((answer) => answer.split('\t').filter(Boolean).sort())
  }

  it('completes commands, options, values and files', () => {
    const answers = complete(lines.map(([line]) => line))
    expect(lines.map(([line], index) => [line, answers[index]])).toEqual(
      lines.map(([line, candidates]) => [line, [...candidates].sort()]),
    )
  })

  it('completes a value after "=", where bash starts a new word', () => {
    expect(
      complete([
        'isobench run --profile=f',
        'isobench run --reporter=html=report',
        'isobench run --reporter html=report',
        'isobench merge --out=rec',
        'isobench run --platform=native,run',
      ]),
    ).toEqual([['full'], ['report one.html'], ['report one.html'], ['record.jsonl'], ['native,runc']])
  })

  it('offers every command, and the options of `run` with --version for the first word', () => {
    const [first, options] = complete(['isobench ', 'isobench --'])
    expect(first).toEqual(expect.arrayContaining(commands.map(({ name }) => name)))
    expect(options).toEqual(expect.arrayContaining(['--help', '--version', '--seed', '--strict']))
  })
})

describe.runIf(isInstalled('fish'))('the fish script', () => {
  it('completes commands, options, values and files', () => {
    const program = `source ./script.fish
while read -l line
  complete -C $line | string replace -r '\\t.*' '' | string join (printf '\\t')
  echo end-of-line
end`
    const input = `${lines.map(([line]) => line).join('\n')}\n`
    const options = { cwd: folder, input, encoding: 'utf8', env: { ...process.env, HOME: folder } } as const
    const answers = execFileSync('fish', ['--no-config', '-c', program], options).split('end-of-line\n')
    expect(lines.map(([line], index) => [line, answers[index]?.trim().split('\t').filter(Boolean).sort()])).toEqual(
      lines.map(([line, candidates]) => [line, [...candidates].sort()]),
    )
  })
})

describe.each(shells)('the %s script', (shell) => {
  it.runIf(isInstalled(shell))('has a valid syntax', () => {
    const { stderr, status } = spawnSync(shell, ['-n', join(folder, `script.${shell}`)], { encoding: 'utf8' })
    expect([stderr, status]).toEqual(['', 0])
  })

  it('has every command and option', () => {
    const text = completionScripts[shell](described)
    for (const { name, flags } of described) {
      expect(text).toContain(name)
      for (const { flag } of flags) expect(text).toContain(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag)
    }
  })
})
