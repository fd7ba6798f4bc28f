import { describe, expect, it } from 'vitest'
import { commandHelp, generalHelp } from '../../../src/commands/help.ts'
import { commands } from '../../../src/commands/index.ts'
import { flagName, flagNames, type OptionTable } from '../../../src/commands/options.ts'
import { reporters } from '../../../src/reporters/index.ts'

const kinds = Object.values(reporters)
const loaded = await Promise.all(commands.map(async ({ name, load }) => [name, await load()] as const))

describe('general help', () => {
  const lines = generalHelp(commands, '1.2.3', false).split('\n')

  it('has one line per command, and fits into 80 columns and 60 lines', () => {
    for (const { name, summary } of commands) {
      expect(lines.filter((line) => line.startsWith(`  ${name} `))).toEqual([expect.stringContaining(summary)])
    }
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.length).toBeLessThanOrEqual(60)
    expect(lines.join('\n')).not.toMatch(/for more info/)
  })
})

describe.each(loaded)('isobench %s --help', (name, command) => {
  it('describes every option with an example, aligned, in 80 columns', () => {
    const lines = commandHelp(name, command, kinds, false).split('\n')
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines[0]).toMatch(new RegExp(`^Usage: isobench ${name} \\[options\\]`))
    const heads = lines.filter((line) => /^ {2}(-\w, )?--/.test(line))
    expect(heads).toHaveLength(Object.keys(command.options).length)
    const columns = new Set(heads.map((line) => /^ {2}(?:-\w, )?--\S+( [<[]\S+[>\]])? +/.exec(line)![0].length))
    expect(columns.size).toBeLessThanOrEqual(1)
    for (const { example } of Object.values(command.options))
      expect(lines.join('\n').replace(/\s+/g, ' ')).toContain(`e.g. ${example}`)
    expect(command.examples.length).toBeGreaterThan(0)
    for (const { line } of command.examples) expect(line.split(' ')[0]).toBe(name)
  })

  it('shows in the example of an option only options that go together with it', () => {
    const options: OptionTable = command.options
    const keys = new Map(
      Object.entries(options).flatMap(([key, spec]) => flagNames(key, spec).map((flag) => [flag, key])),
    )
    for (const [key, { example, verbs, excludes = [], requires }] of Object.entries(options)) {
      const flags: string[] = example.match(/(?<![\w-'])--[a-z-]+/g)!
      if (requires !== undefined) expect([key, flags]).toEqual([key, expect.arrayContaining([flagName(requires)])])
      for (const flag of flags) {
        const other = keys.get(flag)
        expect([flag, other]).not.toContain(undefined)
        const known = options[other!]!
        const shared = verbs && known.verbs ? verbs.filter((verb) => known.verbs!.includes(verb)) : [name]
        const clashes = excludes.includes(other!) || known.excludes?.includes(key) === true
        expect([flag, shared.length > 0, clashes]).toEqual([flag, true, false])
      }
    }
  })
})
