/** Watch mode in a real terminal: the tests send keys to tmux and read its screen. */

import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type Holdings, holdings, watcherOf } from '../../scripts/evidence/watch.ts'
import { imports, Project, repository } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'
import { describeUnless } from './support/skip.ts'

beforeAll(ensureImage)

const missing = spawnSync('tmux', ['-V']).status === 0 ? '' : 'apt-get install tmux'

/** A bench that writes a line per sample to a file on the host. Its value comes from the guest. */
const loggingBench = (project: Project, name: string, value: number, most: string, wait = 0) => `${imports}
import { appendFileSync } from 'node:fs'
const work = workload('${name}', {
  metrics: { time: lower('ms') },
  async run({ guest }) {
    appendFileSync(${JSON.stringify(project.path('samples'))}, '${name} ${value}\\n')
    await guest.exec(command('sleep', '${wait}'))
    return { time: Number((await guest.exec(command('echo', '${value}'))).stdout) }
  },
})
export const it = bench('${name}', work, { expect: { time: expect.atMost('${most}') } })
`

const config = (platforms = "platform('native'), platform('runc')") => `
import { defineConfig, platform } from 'isobench'
export default defineConfig({ platforms: [${platforms}], profiles: { quick: { warmup: 0 } } })
`

class Terminal {
  static #count = 0
  readonly #socket = `isobench-watch-test-${process.pid}-${Terminal.#count++}`

  constructor(private readonly project: Project) {
    const bin = join(repository, 'bin/isobench.js')
    const environment = ['ISOBENCH_STATE', 'ISOBENCH_CACHE', 'PATH']
      .flatMap((name) => (process.env[name] ? [`${name}=${process.env[name]}`] : []))
      .join(' ')
    const watch = `env ${environment} ${process.execPath} ${bin} watch --wait-for-lock --no-remeasure`
    const command = `${watch}; echo ENDED $?; sleep 600`
    const size = ['-x', '100', '-y', '40']
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      'isobench-watch-test',
      ...size,
      '-c',
      project.root,
      command,
    )
    onTestFinished(async () => {
      // Asked first, so that a failed test leaves nothing either.
      this.keys('q')
      for (let n = 0; n < 100 && !this.screen().includes('ENDED'); n++) await sleep(100)
      this.#tmux('kill-server')
    })
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  screen(): string {
    return this.#tmux('capture-pane', '-p', '-t', 'isobench-watch-test')
  }

  keys(...keys: string[]): void {
    this.#tmux('send-keys', '-t', 'isobench-watch-test', ...keys)
  }

  async until(wanted: RegExp, seconds = 90): Promise<string> {
    for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
      const screen = this.screen()
      if (wanted.test(screen)) return screen
      if (Date.now() > end || /ENDED/.test(screen)) throw new Error(`${wanted} did not come up:\n${screen}`)
    }
  }

  /** What isobench in this terminal holds. */
  holdings(): Holdings {
    const pid = Number(this.#tmux('list-panes', '-t', 'isobench-watch-test', '-F', '#{pane_pid}'))
    return holdings(watcherOf({ pid }))
  }

  /** What was measured since this was last asked: a line for each sample. */
  samples(): string[] {
    const file = this.project.path('samples')
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    rmSync(file, { force: true })
    return lines
  }
}

const idle = 'waiting for changes'

describeUnless(missing, 'program-missing', 'watch', () => {
  test('judges a saved threshold without measuring, measures only a saved bench, and outlives an error', async () => {
    const host = observe()
    using project = Project.with({ 'isobench.config.ts': config() })
    const save = (name: string, value: number, most: string, wait?: number) =>
      project.write({ [`benches/${name}.bench.ts`]: loggingBench(project, name, value, most, wait) })
    save('one', 10, '20ms')
    save('two', 10, '20ms')
    const terminal = new Terminal(project)
    await terminal.until(new RegExp(`4 hold[^]*${idle}`))
    expect(terminal.samples().length).toBe(20)

    save('one', 10, '5ms')
    const judged = await terminal.until(/2 contradicted|holds → ✗ contradicted/)
    expect(judged).toContain('✓ holds → ✗ contradicted (worse): one · runc · time · at most 5 ms')
    await sleep(1000)
    expect(terminal.samples()).toEqual([])

    save('one', 4, '5ms')
    const measured = await terminal.until(new RegExp(`→ ✓ holds: one · runc[^]*4 hold[^]*${idle}`))
    expect(measured).toMatch(/✓ +native +one +time +10 → 4 ms +2\.5 × faster .*sure after 5 rounds/)
    expect(new Set(terminal.samples())).toEqual(new Set(['one 4']))

    const sound = project.read('benches/one.bench.ts')
    project.write({ 'benches/one.bench.ts': `${sound}\nconst broken = (` })
    const broken = await terminal.until(/one\.bench\.ts:\d+:\d+: Unexpected end of file/)
    expect(broken).toMatch(/4 ms +5/)
    project.write({ 'benches/one.bench.ts': sound })
    await terminal.until(new RegExp(`^(?![^]*Unexpected)[^]*4 ms +5[^]*${idle}`))
    expect(terminal.samples()).toEqual([])

    project.write({ 'isobench.config.ts': 'export default 3' })
    await terminal.until(/isobench\.config\.ts.*3 is not an object/)
    project.write({
      'isobench.config.ts': config("platform('native'), platform('runc'), platform('runc', { name: 'more' })"),
    })
    const more = await terminal.until(new RegExp(`more +4 ms[^]*${idle}`))
    expect(more).toMatch(/\+ +more +one +time +4 ms .*not measured before/)
    // The new platform and native, in five rounds of two benches.
    expect(terminal.samples().length).toBe(20)

    terminal.keys('t')
    terminal.keys('two', 'Enter')
    await terminal.until(/benches with "two"/)
    terminal.keys('a')
    await terminal.until(/everything, again/)
    // For a moment the screen may show both states, so the samples decide.
    const taken = new Set<string>()
    await vi.waitFor(
      () => {
        for (const sample of terminal.samples()) taken.add(sample)
        expect(taken).toEqual(new Set(['two 10']))
      },
      { timeout: 20_000, interval: 200 },
    )
    await terminal.until(new RegExp(idle))

    terminal.keys('b')
    await terminal.until(/saved; compare with it: isobench run --baseline watch/)
    expect(existsSync(project.path('.isobench/baselines/watch.jsonl'))).toBe(true)

    terminal.keys('q')
    await terminal.until(/ENDED 0/, 20)
    host.expectClean()
  })

  test('its keys choose what runs, it watches files of a platform, and it continues with a broken config', async () => {
    const host = observe()
    const withFile = (more = '') =>
      config("platform('native'), platform('runc', { watchFiles: ['runtime.conf'] })").replace('({', `({ ${more}`)
    using project = Project.with({ 'isobench.config.ts': withFile(), 'runtime.conf': 'a' })
    project.write({ 'benches/one.bench.ts': loggingBench(project, 'one', 10, '20ms') })
    project.write({ 'benches/two.bench.ts': loggingBench(project, 'two', 10, '5ms') })
    const terminal = new Terminal(project)
    await terminal.until(new RegExp(`2 hold · 2 contradicted[^]*${idle}`))
    expect(terminal.samples().length).toBe(20)
    /** All that is measured from `start` until as many samples are there. */
    const measured = async (start: () => void, count: number) => {
      const samples: string[] = []
      start()
      await vi.waitFor(
        () => {
          samples.push(...terminal.samples())
          expect(samples.length).toBe(count)
        },
        { timeout: 30_000, interval: 200 },
      )
      await terminal.until(new RegExp(idle))
      return new Set(samples)
    }

    expect(await measured(() => terminal.keys('f'), 10)).toEqual(new Set(['two 10']))
    await measured(() => project.write({ 'runtime.conf': 'bb' }), 20)
    await terminal.until(/runtime\.conf → measured again: runc/)
    terminal.keys('t')
    terminal.keys('on[e]', 'Enter')
    await terminal.until(/benches with "on\[e\]"/)
    expect(await measured(() => terminal.keys('Enter'), 10)).toEqual(new Set(['one 10']))
    terminal.keys('p')
    terminal.keys('no-such', 'Enter')
    await terminal.until(/no platform has "no-such" in its name[\s\S]*platforms: native, runc/)
    terminal.keys('a')
    await terminal.until(/nothing is in view/)
    terminal.keys('p')
    terminal.keys('Enter')
    terminal.keys('t')
    terminal.keys('Enter')
    // What the filters hid is still there.
    await terminal.until(new RegExp(`2 hold · 2 contradicted[^]*${idle}`))
    expect(terminal.samples()).toEqual([])
    terminal.keys('t')
    terminal.keys('one', 'Enter')
    await terminal.until(/benches with "one"/)
    terminal.keys('o')
    await terminal.until(/wrote .*watch\.html/)
    expect(project.read('.isobench/watch.html')).toContain('</html>')

    project.write({ 'isobench.config.ts': withFile("image: { rootfs: '/nowhere' },") })
    await terminal.until(/\/nowhere/)
    await terminal.until(/stopped; Enter goes on/)
    terminal.keys('s')
    await terminal.until(/no rounds in the background/)
    await measured(() => project.write({ 'isobench.config.ts': withFile() }), 10)
    terminal.keys('q')
    await terminal.until(/ENDED 0/, 20)
    host.expectClean()
  })

  test('it measures a bench file that reappears, and shows why a runtime is broken until it is fixed', async () => {
    const host = observe()
    using project = Project.with()
    const binary = project.path('my-runc')
    const runc = execFileSync('sh', ['-c', 'command -v runc'], { encoding: 'utf8' }).trim()
    copyFileSync(runc, binary)
    const withFlags = (flags: string) =>
      config(`platform('native'), platform('runc', { binary: '${binary}', flags: [${flags}] })`)
    project.write({ 'isobench.config.ts': withFlags('') })
    for (const name of ['one', 'two'])
      project.write({ [`benches/${name}.bench.ts`]: loggingBench(project, name, 10, '20ms') })
    const terminal = new Terminal(project)
    await terminal.until(new RegExp(`4 hold[^]*${idle}`))

    const two = project.read('benches/two.bench.ts')
    rmSync(project.path('benches/two.bench.ts'))
    await terminal.until(new RegExp(`^(?![^]*two +benches)[^]*2 hold[^]*${idle}`))
    terminal.samples()
    project.write({ 'benches/two.bench.ts': two })
    await terminal.until(new RegExp(`\\+ +native +two +time +10 ms[^]*4 hold[^]*${idle}`))
    expect(new Set(terminal.samples())).toEqual(new Set(['two 10']))

    // In the place of the file, as a compiler does it: what runs it has the old one open.
    copyFileSync('/bin/true', project.path('next'))
    renameSync(project.path('next'), binary)
    const broken = await terminal.until(new RegExp(`is not runc[^]*${idle}`))
    expect(broken).toMatch(/✓ holds → – not evaluated: one · runc/)
    expect(broken.indexOf('is not runc')).toBeLessThan(broken.indexOf('Before → after'))
    copyFileSync(runc, project.path('next'))
    renameSync(project.path('next'), binary)
    await terminal.until(new RegExp(`^(?![^]*is not runc)[^]*4 hold[^]*${idle}`))

    project.write({ 'isobench.config.ts': withFlags("'--no-such-flag'") })
    await terminal.until(new RegExp(`runc: [^]*no-such-flag[^]*Before → after[^]*${idle}`))
    terminal.keys('q')
    await terminal.until(/ENDED 0/, 20)
    host.expectClean()
  })

  test('holds the same after many saves', async () => {
    using project = Project.with({ 'isobench.config.ts': config("platform('native')") })
    const save = (most: string) => project.write({ 'benches/it.bench.ts': loggingBench(project, 'it', 10, most) })
    save('20ms')
    const terminal = new Terminal(project)
    const twice = async () => {
      save('5ms')
      await terminal.until(new RegExp(`0 hold · 1 contradicted[^]*${idle}`))
      save('20ms')
      await terminal.until(new RegExp(`1 hold · 0 contradicted[^]*${idle}`))
    }
    await terminal.until(new RegExp(`1 hold[^]*${idle}`))
    await twice()
    // A guest is booted ahead while nothing happens.
    await sleep(2000)
    const { megabytes: _, files: __, ...before } = terminal.holdings()
    for (let n = 0; n < 5; n++) await twice()
    await vi.waitFor(() => expect(terminal.holdings()).toMatchObject(before), { timeout: 10_000, interval: 500 })
    expect(before.watchers).toBeGreaterThan(0)
    expect(before.namespaces).toBeGreaterThan(0)
  })

  test('a project that is removed while it is measured leaves nothing', async () => {
    const host = observe()
    const outside = Project.with()
    using _outside = outside
    const project = Project.with({ 'isobench.config.ts': config() })
    project.write({ 'benches/slow.bench.ts': loggingBench(outside, 'slow', 1, '5ms', 3) })
    const terminal = new Terminal(project)
    for (let n = 0; n < 1200 && !existsSync(outside.path('samples')); n++) await sleep(50)
    rmSync(project.root, { recursive: true })
    // The samples in hand, and what comes after them, without the project's files.
    await sleep(6000)
    terminal.keys('q')
    await terminal.until(/ENDED/, 20)
    host.expectClean()
  })

  test.each(['q', 'C-c'])('%s in the midst of a sample cleans up at once', async (key) => {
    const host = observe()
    using project = Project.with({ 'isobench.config.ts': config() })
    project.write({ 'benches/slow.bench.ts': loggingBench(project, 'slow', 1, '5ms', 20) })
    const terminal = new Terminal(project)
    await terminal.until(/round 1\/5/)
    for (let n = 0; n < 600 && !existsSync(project.path('samples')); n++) await sleep(50)
    // A file that is saved during a sample is measured instead.
    project.write({ 'benches/slow.bench.ts': loggingBench(project, 'slow', 2, '5ms', 21) })
    for (let n = 0; n < 200 && !readFileSync(project.path('samples'), 'utf8').includes('slow 2'); n++) await sleep(50)
    expect(readFileSync(project.path('samples'), 'utf8')).toMatch(/^slow 1\nslow 2\n$/)
    terminal.keys(key)
    await terminal.until(/ENDED 0/, 15)
    host.expectClean()
  })
})

test('watch without a terminal says what to use', async () => {
  using project = Project.with({ 'isobench.config.ts': config() })
  const { exitCode, stderr } = await project.isobench(['watch'])
  expect(exitCode).toBe(5)
  expect(stderr).toContain('watch requires a terminal')
  expect(stderr).toContain('isobench run')
})
