import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkOptions } from '../../../src/commands/options.ts'
import {
  checkPattern,
  command,
  nextUse,
  roundsNote,
  summaryLines,
  type TimedCommand,
  timedBenchText,
  timedPlatforms,
} from '../../../src/commands/time.ts'
import { loadWorkloads } from '../../../src/core/measure/measure-project.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { collect } from '../../../src/core/project/collect.ts'
import type { CommandResult } from '../../../src/dsl/guest.ts'
import { platform } from '../../../src/dsl/platform.ts'
import type { CommandWork, PreparedContext } from '../../../src/dsl/workload.ts'
import type { Command } from '../../../src/tools/command.ts'
import { bundlePath } from '../../../src/util/assets.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-time-')))
afterAll(() => rmSync(root, { recursive: true }))

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

const plain: TimedCommand = { argv: ['true'], boot: false, metric: undefined, better: 'higher', unit: 'count' }

let files = 0

/** What the bench of a command executes and returns, if each execution takes 400 ms and prints this. */
async function measured(timed: TimedCommand, stdout = '') {
  // Node imports a module once.
  const file = `${files++}.bench.ts`
  writeFileSync(join(root, file), timedBenchText(timed))
  const collected = await collect(root, [file])
  expect(collected.suite.problems).toEqual([])
  const [bench] = collected.suite.benches
  const workloads = await loadWorkloads(root, collected, collected.suite)
  const commands: (readonly string[])[] = []
  const exec = async ({ argv }: Command): Promise<CommandResult> => {
    commands.push(argv)
    return { stdout, stderr: '', milliseconds: 400, firstByteMs: null }
  }
  const context = { guest: { exec }, boot: exec, seconds: 1 } as unknown as PreparedContext<
    Record<never, never>,
    unknown
  >
  const run = (workloads.get(bench!.id)!.work as CommandWork<never, never>).run(context as never)
  return { bench: bench!, commands, values: await run.catch((error: Error) => error.message) }
}

describe('the platforms of isobench time', () => {
  const own = platform('runc', { name: 'mine', flags: ['--debug'] })

  it('are those of the config, or kinds', () => {
    expect(timedPlatforms(['mine', 'crun'], [own])).toEqual([
      own,
      { kind: 'crun', name: 'crun', tags: [], options: {} },
    ])
  })

  it.each([
    ['crum', 'did you mean "crun"?'],
    ['mime', 'did you mean "mine"?'],
    ['nope', expect.stringMatching(/^use one of: mine, native, .*gvisor/)],
    ['constructor', expect.any(String)],
  ])('do not include %s, and the error names the option', (name, fix) => {
    expect(() => timedPlatforms(['native', name], [own])).toThrow(
      expect.objectContaining({ message: `isobench time: --platform: there is no platform "${name}".`, fix }),
    )
  })
})

describe.skipIf(!built)('the bench of isobench time', () => {
  it('repeats the command for the length of a sample', async () => {
    const argv = ["it's", 'a "b"', '\\', '$x `y`', '-t']
    const { bench, commands, values } = await measured({ ...plain, argv })
    expect(bench).toMatchObject({ name: argv.join(' '), metrics: { duration: { unit: 'ms', better: 'lower' } } })
    expect(commands).toEqual([argv, argv, argv])
    expect(values).toEqual({ duration: [400, 400, 400] })
  })

  it('boots a guest for each execution with --boot', async () => {
    expect((await measured({ ...plain, boot: true })).bench.workload).toMatchObject({ kind: 'boot' })
  })

  it('takes a number from the output with --metric', async () => {
    const timed = { ...plain, metric: "^GET's: ([\\d.,]+)/s", unit: 'requests/s' }
    const { bench, values } = await measured(timed, "SET: 5/s\nGET's: 1,250.5/s\n")
    expect(bench.metrics.value).toEqual({ unit: 'requests/s', better: 'higher' })
    expect(values).toMatchObject({ value: [1250.5, 1250.5, 1250.5] })
    expect((await measured(timed, 'nothing')).values).toMatch(/does not match .*GET/)
    expect((await measured(timed, "GET's: 1/s\nGET's: 2/s\n")).values).toMatch(/matches .*GET.* 2 times/)
    expect((await measured(timed, "GET's: 1,5/s\n")).values).toMatch(/is "1,5", not a figure of 0 or more/)
  })
})

describe('isobench time', () => {
  it('refuses a --metric without a group before it measures', () => {
    expect(() => checkPattern('abc')).toThrow('the regular expression "abc" has no group.')
    expect(() => checkPattern('(?:a|b)[(]')).toThrow('has no group')
    expect(() => checkPattern('(')).toThrow(/Invalid regular expression/)
    for (const text of ['GET: ([0-9.]+)', '^a(?<n>\\d+)|b(\\d)$']) expect(() => checkPattern(text)).not.toThrow()
  })

  const resultOf = (platform: string, median: number, ratio: number | null) => ({
    platform,
    metrics: {
      duration: { unit: 'ms', better: 'lower', median, ratioToNative: ratio === null ? null : { ratio } },
    },
  })
  const summaryOf = (...results: readonly ReturnType<typeof resultOf>[]) =>
    summaryLines({ cases: [{ results }] } as unknown as Report)

  it('summarizes with the ratios of the table, and with medians without native', () => {
    expect(summaryOf(resultOf('native', 1, null), resultOf('runc', 4.83, 4.84))).toEqual([
      'duration: native is best with 1 ms; runc 4.84 × as much',
    ])
    expect(summaryOf(resultOf('native', 2, null), resultOf('runc', 1, 0.4), resultOf('kata', 4, 2.2))).toEqual([
      'duration: runc is best with 1 ms; native 2.50 × as much, kata 5.50 × as much',
    ])
    expect(summaryOf(resultOf('crun', 1, null), resultOf('runc', 4.83, null))).toEqual([
      'duration: crun is best with 1 ms; runc 4.83 × as much',
    ])
  })

  it('says how many rounds a verdict needs', () => {
    const note = (rounds: number) => roundsNote({ profile: { rounds } } as Report)
    expect(note(3)).toEqual(['3 rounds: a verdict needs at least 5 rounds: --rounds 5'])
    expect(note(5)).toEqual([])
  })
})

describe('--write', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-write-')))
  afterAll(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'project/benches'), { recursive: true })
  const project = { root: join(root, 'project'), include: ['benches/*.bench.ts'] }
  const use = (file: string, own: typeof project | undefined, config?: string) => {
    const path = join(root, file)
    writeFileSync(path, '')
    return nextUse({ path, given: file }, own, config)
  }

  it('is followed by what measures the file again', async () => {
    const advice = 'Measure it again with: npx isobench run project/benches/a.bench.ts'
    expect(await use('project/benches/a.bench.ts', project)).toBe(advice)
    expect(await use('project/benches/a.bench.ts', project, 'my c.ts')).toBe(`${advice} --config 'my c.ts'`)
    expect(await use('project/w.bench.ts', project)).toBe(
      "No pattern of the config includes it. To measure it again, add 'w.bench.ts' to include.",
    )
    expect(await use('out.bench.ts', project)).toBe(
      `It is outside of the project. To measure it again, move it into ${project.root}.`,
    )
    expect(await use('alone.bench.ts', undefined)).toContain('isobench init')
  })

  it.each([
    ['x.txt', '--write x.txt: a bench file in TypeScript ends with .ts, .mts or .cts'],
    ['x.js', '--write x.js: a bench file in TypeScript ends with .ts, .mts or .cts'],
    ['link.bench.ts', `--write link.bench.ts: ${join(root, 'link.bench.ts')} already exists`],
  ])('is refused before anything is measured: %s', async (file, message) => {
    if (file.startsWith('link')) symlinkSync('nothing', join(root, file))
    const err = { write: () => true } as unknown as NodeJS.WriteStream
    const io = { cwd: root, out: err, err, color: false, commands: [] }
    const options = checkOptions('isobench time', command.options, { write: [file] })
    await expect(command.run(['true'], options as never, io)).rejects.toThrow(message)
  })
})
