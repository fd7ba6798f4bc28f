/** The whole of watch mode on a fake host: bench files are real, platforms and time are not. */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import type { FileChanges } from '../../../../src/core/watch/file-watcher.ts'
import { Watch } from '../../../../src/core/watch/watch.ts'
import { bundlePath } from '../../../../src/util/assets.ts'
import { type FakeBehavior, fakeHost } from '../../../support/fake-driver.ts'

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

const config = (flags = '') => `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  include: ['*.bench.ts'],
  platforms: [platform('native'), platform('runc'), platform('gvisor', { flags: [${flags}] })],
})
`

const bench = (name: string, { percent = 10, more = '' } = {}) => `
import { bench, expect, lower, platform, workload } from 'isobench'
import { command } from 'isobench/tools'
const work = workload('${name}', {
  metrics: { time: lower('ms') },
  async run({ guest }) {
    ${more}
    return { time: (await guest.exec(command('echo'))).milliseconds }
  },
})
export const it = bench('${name}', work, { expect: { time: expect.withinNative(${percent}) } })
`

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function watching(files: Record<string, string>) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-watch-')))
  const behaviors: Record<string, FakeBehavior> = {
    native: { ms: 100, jitter: 0.01 },
    runc: { ms: 102, jitter: 0.01 },
    gvisor: { ms: 150, jitter: 0.01 },
  }
  const host = fakeHost(behaviors)
  const write = (some: Record<string, string>) => {
    for (const [name, text] of Object.entries(some)) writeFileSync(join(root, name), text)
  }
  write({ 'isobench.config.ts': config(), ...files })
  let now = 1000
  let emit!: (changes: FileChanges) => void
  let changed = () => {}
  const watch = new Watch({
    cwd: root,
    config: undefined,
    drivers: host.drivers,
    filters: [],
    platform: undefined,
    name: [],
    tag: [],
    profileName: 'quick',
    profileOf: () => ({ rounds: 5, warmup: 0, seconds: 1, timeout: 60 }),
    waitForLock: false,
    remeasure: true,
    ensureDependencies: async () => {},
    openSession: (guest, options) => host.openSession(guest, options),
    exec: host.exec,
    now: () => (now += 10),
    onChange: () => changed(),
    createWatcher: (onChanges) => {
      emit = onChanges
      return { set: () => {}, close: async () => {} }
    },
  })
  watch.background = false
  const running = watch.run()
  closing.push(async () => {
    watch.quit()
    await running
    rmSync(root, { recursive: true })
  })
  const until = (isDone: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      changed = () => {
        if (isDone()) resolve()
      }
      running.catch(reject)
      changed()
    })
  const idle = () => until(() => watch.doing.kind === 'watching')
  /** Saves files, and waits until everything that follows has happened. */
  const save = async (some: Record<string, string>) => {
    write(some)
    const former = watch.note
    emit({ paths: new Set(Object.keys(some).map((name) => join(root, name))), moved: false })
    await until(() => watch.note !== former || watch.problems.length > 0)
    await nextTurn()
    await idle()
  }
  /** Reports a file that was written already. */
  const read = (name: string, isDone: () => boolean, moved = false, others: readonly string[] = []) => {
    emit({ paths: new Set([...others, join(root, name)]), moved })
    return until(isDone)
  }
  const press = async (key: () => void) => {
    key()
    await nextTurn()
    await idle()
  }
  const executed = () => host.events.filter((event) => event.startsWith('exec')).length
  await idle()
  return {
    watch,
    host,
    behaviors,
    save,
    until,
    idle,
    executed,
    root,
    press,
    read,
  }
}

const states = ({ changes }: Watch) => changes.map(({ platform, bench: { name }, state }) => [name, platform, state])
const outcomes = ({ report }: Watch) =>
  Object.fromEntries(report!.claims.map(({ bench: { name }, platforms, outcome }) => [`${name} ${platforms}`, outcome]))
const roundsOf = ({ report }: Watch, platform: string) =>
  report!.cases.map(({ results }) => results.find((one) => one.platform === platform)!.metrics.time!.samples.length)

describe.skipIf(!built)('watch mode', () => {
  it('measures again after a change of what decides how a bench file is compiled', async () => {
    const decorated = `${bench('a')}
const noted = (..._: unknown[]) => {}
export class Counter { @noted add() {} }`
    const { watch, save } = await watching({ 'a.bench.ts': decorated, 'tsconfig.json': '{ "extends": "./base" }' })
    await save({ 'base.json': '{ "compilerOptions": { "experimentalDecorators": true } }' })
    expect(watch.note!.text).toMatch(/^base\.json → .*measured again/)
    await save({ 'base.json': '{ "compilerOptions": { "experimentalDecorators": true, "strict": true } }' })
    expect(watch.note!.text).toBe('base.json → nothing to do')
  })

  it('reads a bench file again if a package.json names another file for its import', async () => {
    const imports = (file: string) => JSON.stringify({ imports: { '#settings': file } })
    const { watch, save } = await watching({
      'a.bench.ts': bench('a')
        .replace('command(', 'command(name ?? ')
        .replace('\n', "\nimport { name } from '#settings'\n"),
      'one.ts': 'export const name = undefined',
      'two.ts': "export const name = 'true'",
      'package.json': imports('./one.ts'),
    })
    await save({ 'package.json': imports('./two.ts') })
    expect(watch.note!.text).toMatch(/^package\.json → .*measured again/)
  })

  it('says that it waits while another process uses the host, and then what it measures', async () => {
    const { watch, read, until, idle, host, root } = await watching({ 'a.bench.ts': bench('a') })
    const { openSession } = host
    let release = () => {}
    const free = new Promise<void>((resolve) => {
      release = resolve
    })
    Object.assign(host, {
      openSession: async (...[guest, options]: Parameters<typeof openSession>) => {
        options.onWait?.({ pid: 7, purpose: 'another run', since: 'noon' })
        await free
        return openSession(guest, options)
      },
    })
    const isWaiting = () => watch.note?.text === 'isobench.config.ts → waits for the host to measure everything again'
    const text = config().replace('  include', "  guest: { memory: '512MiB' },\n  include")
    writeFileSync(join(root, 'isobench.config.ts'), text)
    await read('isobench.config.ts', isWaiting)
    release()
    await until(() => !isWaiting())
    await idle()
    expect(watch.note!.text).toBe('isobench.config.ts → everything is measured again')
  })

  it('gives a verdict on a changed flag, and the former verdict stays until it is there', async () => {
    const { watch, behaviors, save, host } = await watching({ 'a.bench.ts': bench('a') })
    expect(outcomes(watch)).toEqual({ 'a runc': 'holds', 'a gvisor': 'contradicted' })
    behaviors.gvisor = { ms: 120, jitter: 0.01 }
    const seen = new Set<string>()
    host.onEvent = (event) =>
      event.startsWith('exec') &&
      seen.add(`${watch.stale.get('a.bench.ts#a')?.has('gvisor')} ${outcomes(watch)['a gvisor']}`)
    await save({ 'isobench.config.ts': config("'--fast'") })
    expect([...seen]).toEqual(['true contradicted'])
    expect([states(watch), watch.stale.size]).toEqual([[['a', 'gvisor', 'better']], 0])
    expect(watch.changes[0]!.ratio!.estimate).toBeCloseTo(0.8, 1)
    expect(watch.note!.text).toBe('isobench.config.ts → measured again: gvisor')
    expect(watch.latestJob!.rounds).toBe(5)
  })

  it('names the config by its file if the last bench file is gone', async () => {
    const { watch, read, root } = await watching({ 'a.bench.ts': bench('a') })
    rmSync(join(root, 'a.bench.ts'))
    await read('a.bench.ts', () => watch.problems.length > 0, true)
    expect(watch.problems).toEqual([{ file: 'isobench.config.ts', message: 'there is no bench file' }])
  })

  it.each<[string, (files: Record<string, string>) => Record<string, string | undefined>]>([
    ['a bench file is gone', () => ({ 'b.bench.ts': undefined })],
    ['a bench is skipped', (files) => ({ 'b.bench.ts': files['b.bench.ts']!.replace("= bench('", "= bench.skip('") })],
    [
      'a platform is gone',
      () => ({ 'isobench.config.ts': config().replace(", platform('gvisor', { flags: [] })", '') }),
    ],
  ])('stores a baseline that can be read after %s, and keeps the former one otherwise', async (_, change) => {
    const files = { 'a.bench.ts': bench('a'), 'b.bench.ts': bench('b') }
    const { watch, read, root, save, press } = await watching(files)
    expect(watch.saveBaseline().isNew).toBe(true)
    expect(watch.saveBaseline().isNew).toBe(false)
    const [[name, text]] = Object.entries(change(files)) as [[string, string | undefined]]
    if (text === undefined) {
      const note = watch.note
      rmSync(join(root, name))
      await read(name, () => watch.note !== note, true)
      expect(watch.note!.text).toBe('b.bench.ts → judged again')
    } else await save({ [name]: text })
    expect(watch.saveBaseline().isNew).toBe(true)
    const stored = () => readRecord(join(root, '.isobench/baselines/watch.jsonl'))
    const { plan, samples } = stored()
    const left = new Set(samples.map((one) => `${one.case} ${one.platform}`))
    expect(left).toEqual(new Set(plan.cases.flatMap(({ id }) => plan.platforms.map((one) => `${id} ${one.name}`))))

    await save({ 'a.bench.ts': 'const broken = (' })
    expect(() => watch.saveBaseline()).toThrow('not saved: a.bench.ts cannot be used')
    await save({ 'a.bench.ts': bench('a') })
    await press(() => watch.again('all'))
    expect(stored().samples).toEqual(samples)
  })

  it('stores no baseline of results that lack rounds', async () => {
    const { watch, host, press } = await watching({ 'a.bench.ts': bench('a') })
    host.onEvent = (event) => {
      if (event === 'exec gvisor echo') watch.cancel()
    }
    await press(() => watch.again('all'))
    expect(() => watch.saveBaseline()).toThrow('not saved: 3 results lack rounds')
    host.onEvent = () => {}
    await press(() => watch.goOn())
    expect(watch.saveBaseline().isNew).toBe(true)
  })

  it('says why it stores no baseline, or which of its results to doubt', async () => {
    const { watch, save } = await watching({ 'a.bench.ts': bench('a', { more: "throw new Error('it broke')" }) })
    expect(() => watch.saveBaseline()).toThrow(
      expect.objectContaining({
        message: 'not saved: all samples failed, so a later run would have nothing to compare with',
        fix: 'the errors are on the screen',
      }),
    )
    const more = "if ((await guest.exec(command('echo'))).milliseconds > 130) throw new Error('too slow')"
    await save({ 'a.bench.ts': bench('a', { more }) })
    expect(watch.saveBaseline().doubts).toEqual({
      overloaded: { overloaded: 0, of: 1 },
      few: [{ case: 'a.bench.ts#a', platform: 'gvisor', rounds: 0, of: 5 }],
      results: 3,
    })
  })

  it('does not name the temporary files of editors', async () => {
    const { watch, read, root } = await watching({ 'a.bench.ts': bench('a') })
    writeFileSync(join(root, 'a.bench.ts'), bench('a', { percent: 60 }))
    const temporary = join(root, 'sedQ1')
    await read('a.bench.ts', () => watch.note !== undefined, true, [temporary])
    expect(watch.note!.text).toBe('a.bench.ts → judged again')
  })

  it('names a changed platform that cannot run, and does not say that it was measured', async () => {
    const { watch, behaviors, save } = await watching({ 'a.bench.ts': bench('a') })
    behaviors.gvisor = { failProbe: true }
    await save({ 'isobench.config.ts': config("'--fast'") })
    expect(watch.note!.text).toBe('isobench.config.ts → cannot run here: gvisor')
  })

  it('does not show the note of a change again after a filter has removed it', async () => {
    const { watch, host, save, idle } = await watching({ 'a.bench.ts': bench('a') })
    host.onEvent = (event) => {
      if (event === 'exec gvisor echo') watch.filter({ platform: 'runc' })
    }
    await save({ 'isobench.config.ts': config("'--fast'") })
    host.onEvent = () => {}
    watch.filter({ platform: '' })
    await nextTurn()
    await idle()
    expect([watch.heldBack, watch.note]).toEqual([0, undefined])
  })

  it('keeps what a filter hides, and measures nothing that it hides', async () => {
    const { watch, press, executed } = await watching({ 'a.bench.ts': bench('a'), 'b.bench.ts': bench('b') })
    const before = executed()
    watch.filter({ platform: 'runc', bench: '^a$' })
    await press(() => watch.again('all'))
    // Five rounds of one bench on runc and native.
    expect(executed() - before).toBe(10)
    watch.filter({ platform: '', bench: '' })
    expect(roundsOf(watch, 'gvisor')).toEqual([5, 5])
    expect(watch.heldBack).toBe(0)
  })

  it('stops what a filter excludes, and goes on with it later', async () => {
    const { watch, host, press, idle, executed } = await watching({ 'a.bench.ts': bench('a') })
    host.onEvent = (event) => {
      if (event === 'exec gvisor echo') watch.filter({ platform: 'runc' })
    }
    await press(() => watch.again('all'))
    host.onEvent = () => {}
    expect([watch.heldBack, roundsOf(watch, 'runc')]).toEqual([1, [5]])
    expect(watch.stale.get('a.bench.ts#a')).toEqual(new Set(['gvisor']))
    expect(roundsOf(watch, 'gvisor')).toEqual([5])
    const before = executed()
    watch.filter({ platform: '' })
    await nextTurn()
    await idle()
    expect([watch.heldBack, watch.stale.size]).toEqual([0, 0])
    // What runc has is not measured again.
    expect(executed() - before).toBeLessThanOrEqual(10)
    expect(roundsOf(watch, 'gvisor')).toEqual([5])
  })

  it('stops measuring while a filter selects nothing', async () => {
    const { watch, press, executed } = await watching({ 'a.bench.ts': bench('a') })
    watch.filter({ bench: 'zzz' })
    const before = executed()
    await press(() => watch.again('all'))
    expect(watch.emptyFilter).toEqual({ what: 'bench', pattern: 'zzz', names: ['a'] })
    expect(executed()).toBe(before)
  })

  it('cancels, keeps what was measured, and goes on with the rounds that lack', async () => {
    const { watch, host, press, executed } = await watching({ 'a.bench.ts': bench('a') })
    const start = executed()
    host.onEvent = (event) => {
      if (event.startsWith('exec') && executed() - start === 7) watch.cancel()
    }
    await press(() => watch.again('all'))
    host.onEvent = () => {}
    expect([watch.isPaused, watch.note!.text]).toEqual([true, 'canceled; Enter goes on'])
    const canceled = executed()
    await press(() => watch.goOn())
    expect([watch.isPaused, watch.stale.size]).toEqual([false, 0])
    // Two of five rounds were complete.
    expect(executed() - canceled).toBe(9)
    watch.cancel()
    expect(watch.note!.text).toBe('nothing is being measured')
  })

  it('shows one failure of a bench that throws, and measures what the screen shows as failed again', async () => {
    const { watch, save, press, executed } = await watching({ 'a.bench.ts': bench('a'), 'b.bench.ts': bench('b') })
    await save({ 'a.bench.ts': bench('a', { more: "if (guest) throw new Error('kaputt')" }) })
    expect(watch.failures).toHaveLength(1)
    const [failure] = watch.failures
    expect(failure).toMatchObject({ message: 'kaputt', location: { file: 'a.bench.ts', line: 7, column: 22 } })
    expect(failure!.platforms.map(({ name, samples }) => [name, samples])).toEqual(
      expect.arrayContaining([
        ['native', 5],
        ['runc', 5],
        ['gvisor', 5],
      ]),
    )
    const before = executed()
    // b is contradicted on gvisor; a throws before its command.
    await press(() => watch.again('failed'))
    expect(watch.note!.text).toBe('what failed or is undecided, again')
    expect(executed() - before).toBe(15)
    // The former content, which Node has evaluated already.
    await save({ 'a.bench.ts': bench('a') })
    expect([watch.failures, roundsOf(watch, 'runc')]).toEqual([[], [5, 5]])
  })

  it('sets the margin of the contradicted claim to what was measured, and takes it back', async () => {
    const { watch, read, root, press } = await watching({ 'a.bench.ts': bench('a') })
    const text = bench('a')
    const old = openSync(join(root, 'a.bench.ts'), 'r')
    watch.acceptMargin()
    // Replaced as a whole: on a full disk, the author's file stays.
    expect(readFileSync(old, 'utf8')).toBe(text)
    closeSync(old)
    const edited = readFileSync(join(root, 'a.bench.ts'), 'utf8')
    expect(edited).toMatch(/withinNative\(5\d\)/)
    expect(watch.note!.text).toMatch(/^a\.bench\.ts:11: 10 → 5\d \(z: back to 10\)$/)
    const note = watch.note
    await read('a.bench.ts', () => outcomes(watch)['a gvisor'] === 'holds')
    expect(outcomes(watch)).toEqual({ 'a runc': 'holds', 'a gvisor': 'holds' })
    // How to undo it stays on the screen.
    expect(watch.note).toBe(note)
    await press(() => watch.undoMargin())
    expect(readFileSync(join(root, 'a.bench.ts'), 'utf8')).toBe(text)
    expect(() => watch.undoMargin()).toThrow('there is no margin to undo')
  })

  it('checks the names in claims again after a change of the config', async () => {
    const file =
      bench('a').replace(', { expect: { time: expect.withinNative(10) } }', '').replace('bench,', 'bench, finding,') +
      "finding(101, 'F', [expect(it.time).on('tuned').atMost('1s')])"
    const tuned = (name: string) => config().replace("platform('gvisor', {", `platform('gvisor', { name: '${name}',`)
    const { watch, save } = await watching({ 'a.bench.ts': file, 'isobench.config.ts': tuned('tuned') })
    expect([watch.problems, outcomes(watch)]).toEqual([[], { 'a tuned': 'holds' }])
    await save({ 'isobench.config.ts': tuned('other') })
    expect(watch.problems.map(({ message }) => message)).toEqual(['finding 101: the config has no platform "tuned".'])
  })

  it('measures on what is unclear in the background, up to four times the rounds', async () => {
    const { watch, behaviors, save, press } = await watching({ 'a.bench.ts': bench('a', { percent: 90 }) })
    behaviors.gvisor = { ms: 151, jitter: 0.05 }
    await save({ 'isobench.config.ts': config("'--noisy'") })
    expect(states(watch)).toEqual([['a', 'gvisor', 'unclear']])
    await press(() => watch.toggleBackground())
    expect(watch.changes[0]!.rounds).toBeGreaterThan(5)
    expect(watch.changes[0]!.isInterim).toBe(true)
    expect(watch.changes[0]!.rounds).toBeLessThanOrEqual(20)
  })
})
