import { describe, expect, it } from 'vitest'
import { command as attackProfile } from '../../../src/commands/attack-profile.ts'
import type { Command } from '../../../src/commands/command.ts'
import { command as doctor } from '../../../src/commands/doctor.ts'
import { command as findings } from '../../../src/commands/findings.ts'
import { command as image } from '../../../src/commands/image.ts'
import { command as merge } from '../../../src/commands/merge.ts'
import { command as noise } from '../../../src/commands/noise.ts'
import type { OptionTable } from '../../../src/commands/options.ts'
import { parseCommandLine } from '../../../src/commands/parse.ts'
import { command as report } from '../../../src/commands/report.ts'
import { command as run } from '../../../src/commands/run.ts'
import { command as time } from '../../../src/commands/time.ts'
import { UsageError } from '../../../src/util/errors.ts'

function parseRun(...argv: string[]) {
  const parsed = parseCommandLine('isobench run', run, argv)
  if (parsed.help) throw new Error('asks for help')
  return parsed
}

function refusal(parse: () => unknown): { message: string; fix: string | undefined } {
  try {
    parse()
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, fix: error.fix }
    throw error
  }
  throw new Error('not refused')
}

describe('a command after --', () => {
  it('keeps its own options', () => {
    const parsed = parseCommandLine('isobench time', time, [
      '-p',
      'runc',
      '--',
      'redis-benchmark',
      '-t',
      'get',
      '--csv',
    ])
    expect(parsed).toMatchObject({ args: ['redis-benchmark', '-t', 'get', '--csv'], options: { platform: ['runc'] } })
    expect(refusal(() => parseCommandLine('isobench time', time, ['--boot'])).message).toMatch(/<command> is missing/)
  })
})

describe('values', () => {
  it.each([
    [['--seed', '007'], { seed: '007' }],
    [['-p', 'native,runc', '-t', 'boot', '-t', 'disk'], { platform: ['native', 'runc'], name: ['boot', 'disk'] }],
    [['--seed=1e3'], { seed: '1e3' }],
    [['--save-baseline', '1.10'], { saveBaseline: '1.10' }],
    [['--save-baseline=true'], { saveBaseline: 'true' }],
    [['--baseline', '0x10'], { baseline: '0x10' }],
    [['--name', '-1'], { name: ['-1'] }],
    [['--name=--x'], { name: ['--x'] }],
    [['--name', '--json'], { name: ['--json'], json: false }],
    [['--name', 'a,b', '--name', 'c'], { name: ['a,b', 'c'] }],
    [['--platform', 'a, b', '--platform=c'], { platform: ['a', 'b', 'c'] }],
    [['--tag', 'cpu,memory'], { tag: ['cpu', 'memory'] }],
    [['--reporter', 'dot', '--reporter', 'html=a=b.html'], { reporter: ['dot', 'html=a=b.html'] }],
    [['--rounds', '10'], { rounds: 10, firstLook: 10 }],
    [['--rounds', '10..30'], { rounds: 30, firstLook: 10 }],
    [['--seconds', '0.5', '--timeout', '90'], { seconds: 0.5, timeout: 90 }],
    [['--max-duration', '1h30m'], { maxDuration: 5_400_000 }],
    [['--max-duration', '90s'], { maxDuration: 90_000 }],
    [['--shard', '2/5'], { shard: { index: 2, count: 5 } }],
    [['--shard', 'auto'], { shard: { index: undefined, count: undefined } }],
    [['--shard', 'auto/8'], { shard: { index: undefined, count: 8 } }],
    [['--no-remeasure'], { remeasure: false }],
    [['--forbid-only'], { forbidOnly: true }],
    [['--no-forbid-only'], { forbidOnly: false }],
    [['--forbid-only', '--no-forbid-only'], { forbidOnly: false }],
  ] as const)('%j are taken as typed', (argv, expected) => {
    expect(parseRun(...argv).options).toMatchObject(expected)
  })

  it('have defaults', () => {
    expect(parseRun().options).toMatchObject({
      profile: 'quick',
      reporter: undefined,
      margin: 5,
      remeasure: true,
      json: false,
      rounds: undefined,
      forbidOnly: undefined,
    })
    const parsed = parseCommandLine('isobench noise', noise, [])
    expect(!parsed.help && parsed.options.rounds).toBe(10)
  })
})

describe('arguments', () => {
  it.each([
    [['--dry-run', 'boot'], ['boot']],
    [
      ['boot', '--json', 'io'],
      ['boot', 'io'],
    ],
    [
      ['--name', 'x', '--', '--boot', '-1'],
      ['--boot', '-1'],
    ],
    [['007'], ['007']],
  ] as const)('of %j are %j', (argv, args) => {
    expect(parseRun(...argv).args).toEqual(args)
  })

  it('that ask for help are not checked', () => {
    for (const argv of [['--help'], ['-h'], ['boot', '--bogus', '--help'], ['--shard', 'x', '-h']])
      expect(parseCommandLine('isobench run', run, argv)).toEqual({ help: true })
    expect(parseRun('--name', '--help').options.name).toEqual(['--help'])
    expect(parseRun('--', '--help').args).toEqual(['--help'])
  })
})

describe('an error', () => {
  it.each([
    [['--round', '3'], /^isobench run: unknown option "--round"\. Did you mean "--rounds"\?$/, /isobench run --help/],
    [['--no-such'], /unknown option "--no-such"\.$/, /isobench run --help/],
    [['--save', 'x'], /unknown option "--save"\.$/, /--help/],
    [['--markdown'], /unknown option "--markdown"\.$/, /--help/],
    [['-x'], /unknown option "-x"\.$/, /--help/],
    [['--no-json'], /unknown option "--no-json"\. Did you mean "--json"\?$/, /--help/],
    [['--json=false'], /--json is a switch and takes no value, but "=false" follows it\.$/, /leave it out/],
    [['--no-remeasure=false'], /--no-remeasure is a switch/, /leave it out/],
    [['--forbid-only=false'], /--forbid-only is a switch/, /--no-forbid-only to switch it off/],
    [['--platform'], /--platform requires a value <names>\.$/, /--platform native,runc/],
    [['--platform', ','], /--platform: the list is empty\.$/, /--platform native,runc/],
    [['--seconds', '1', '--seconds', '2'], /--seconds is given 2 times\.$/, /give it once/],
    [['--rounds', 'many'], /--rounds: "many" is neither a number/, /--rounds 10\.\.30/],
    [['--rounds', '0'], /--rounds: "0" is neither/, /./],
    [['--rounds', '30..10'], /--rounds: "30\.\.10" is neither/, /./],
    [['--rounds', '1001'], /--rounds: "1001" is neither/, /./],
    [['--seconds', '0x10'], /--seconds: "0x10" is not a number from 0.001 to 3600/, /./],
    [['--seconds', '1e-9'], /--seconds: "1e-9" is not a number from 0.001 to 3600/, /./],
    [['--seconds', ''], /--seconds: the value is empty/, /--seconds 3/],
    [['--findings='], /--findings: the value is empty/, /leave --findings out/],
    [['--seed', ''], /--seed: the value is empty/, /./],
    [['--name', ''], /--name: the value is empty/, /./],
    [['--reporter='], /--reporter: the value is empty/, /./],
    [['--config='], /--config: the value is empty/, /./],
    [['--margin', '100'], /--margin: "100" is not a number above 0 and at most 99\.$/, /--margin 3/],
    [['--max-duration', '10'], /--max-duration: "10" is not a duration/, /--max-duration 10m/],
    [['--max-duration', '0s'], /--max-duration: "0s" is not a duration/, /./],
    [['--shard', '3/2'], /--shard: "3\/2" is not a shard/, /--shard 2\/5/],
  ] as const)('for %j says what is wrong and how to fix it', (argv, message, fix) => {
    const refused = refusal(() => parseRun(...argv))
    expect(refused.message).toMatch(message)
    expect(refused.fix).toMatch(fix)
  })

  it('for a range of rounds without claims, which could end it early, says that it takes a number', () => {
    for (const [name, command, ...rest] of [
      ['isobench time', time, '--', 'true'],
      ['isobench noise', noise],
    ] as const) {
      const parse = (rounds: string) => parseCommandLine<OptionTable>(name, command, ['--rounds', rounds, ...rest])
      expect(refusal(() => parse('10..30')).message).toBe(
        `${name}: --rounds: "10..30" is not a number from 1 to 1000, such as 10.`,
      )
      expect(parse('12')).toMatchObject({ options: { rounds: 12, firstLook: 12 } })
    }
  })

  it.each([
    [attackProfile, ['show', '--bpf', 'x'], '--bpf does not go together with show, only with seccomp.'],
    [attackProfile, ['diff', 'a', 'b', '--markdown'], '--markdown does not go together with diff, only with show.'],
    [attackProfile, ['seccomp', 'a', '--kernel', '6.1'], '--kernel does not go together with seccomp, only with show.'],
    [attackProfile, ['show', '--json', '--markdown'], '--markdown and --json do not go together.'],
    [image, ['path', '--install'], '--install does not go together with path, only with build.'],
    [
      image,
      ['build', '--wait-for-lock'],
      '--wait-for-lock does not go together with build, only with remove and prune.',
    ],
    [findings, ['3', '--explain', '--json'], '--explain and --json do not go together.'],
    [findings, ['--all', '--markdown'], '--all and --markdown do not go together.'],
    [attackProfile, ['show', '--kernel', '6.1', '--markdown'], '--kernel and --markdown do not go together.'],
    [run, ['-p', 'runc', '--all-platforms'], '--all-platforms and --platform do not go together.'],
    [run, ['--dry-run', '--json'], '--dry-run and --json do not go together.'],
    [doctor, ['runc', '-p', 'gvisor'], '--platform and "runc" do not go together.'],
    [time, ['--better', 'lower', '--', 'true'], '--better means nothing without --metric.'],
    [time, ['--unit', 's', '--', 'true'], '--unit means nothing without --metric.'],
    [report, ['--margin', '3'], '--margin means nothing without --baseline.'],
    [merge, ['a', '--group'], '--group means nothing without --out.'],
  ] as const)('names an option that would be ignored: %#', (command, argv, message) => {
    expect(refusal(() => parseCommandLine('isobench x', command as Command, argv)).message).toBe(
      `isobench x: ${message}`,
    )
  })

  it('says which option an option requires', () => {
    const { fix } = refusal(() => parseCommandLine('isobench time', time, ['--unit', 's', '--', 'true']))
    expect(fix).toBe("omit --unit, or write, for example, --metric 'GET: ([0-9.]+)'")
    const given = ['--unit', 's', '--metric', '([0-9])', '--better', 'lower', '--', 'true']
    expect(parseCommandLine('isobench time', time, given)).toMatchObject({ options: { unit: 's', better: 'lower' } })
  })

  it.each(['--margin=3', '--allow-different-hosts', '--allow-missing=crun'])(
    'leaves it to the command whether the config meets what %s requires',
    (flag) => {
      const { baseline } = parseRun(flag).options.unmet!
      expect(baseline!.message).toBe(`isobench run: ${flag.split('=')[0]} means nothing without --baseline.`)
      expect(baseline!.fix).toMatch(/^omit --[a-z-]+, or write, for example, --baseline main$/)
      expect(parseRun(flag, '--baseline', 'main').options.unmet).toEqual({})
    },
  )

  it('takes only versions of a kernel as one', () => {
    const parse = (version: string) => parseCommandLine('isobench x', attackProfile, ['show', '--kernel', version])
    for (const version of ['6.1', '6.1.128', '6.1.0-18-amd64', '6.5.0+', '5.15.90.1-microsoft'])
      expect(parse(version)).toMatchObject({ options: { kernel: version } })
    for (const version of ['6', '6.1.x', '6.1.', 'v6.1', '6.1 x'])
      expect(refusal(() => parse(version)).message).toMatch(/--kernel: must be a kernel version/)
  })

  it('names the argument that is missing, unknown or too many', () => {
    const parseImage = (...argv: string[]) => refusal(() => parseCommandLine('isobench image', image, argv))
    expect(parseImage().message).toMatch(/argument <action> is missing/)
    expect(parseImage('pth')).toEqual({
      message: 'isobench image: unknown action "pth". Did you mean "path"?',
      fix: 'use build, path, remove or prune.',
    })
    expect(parseImage('path', 'x')).toEqual({
      message: 'isobench image: unexpected argument "x".',
      fix: 'write: isobench image [options] <build|path|remove|prune>',
    })
    const { message, fix } = refusal(() => parseCommandLine('isobench merge', merge, []))
    expect([message, fix]).toEqual([
      'isobench merge: the argument <records> is missing: run records, folders or globs.',
      'write: isobench merge [options] <records...>',
    ])
  })
})
