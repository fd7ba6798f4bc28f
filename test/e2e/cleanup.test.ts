import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { errorOf } from '../../src/core/model/record.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { benchFile, expectNoStack, imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'
import { testUnless } from './support/skip.ts'

beforeAll(ensureImage)

const engines = await obstacles('runc', 'lxc', 'bubblewrap', 'nspawn', 'gvisor')
const gvisor = engines.gvisor!

/** A bench with samples of half a second in the guest. Its run lasts until it is stopped. */
const slow = benchFile(
  "await guest.exec(command('sleep', '0.5')); return { time: await say(1) }",
  "{ expect: { time: expect.atMost('1s') } }",
)
const long = ['run', '--wait-for-lock', '--rounds', '500']

/** Starts a long run and waits until it has measured three samples and measures the next. */
async function inTheMiddle(project: Project, options: readonly string[] = []) {
  const running = project.start([...long, ...options], { timeout: 220 })
  await running.until(() => project.samples() >= 3, 'the third sample', 200)
  return running
}

describe.each([
  ['native and runc', ['native', 'runc'], ''],
  ['gVisor', ['gvisor'], gvisor],
])('a run on %s', (_, kinds, unavailable) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    testUnless(
      unavailable,
      'platform-unavailable',
      `that gets ${signal} ends with 130 within 10 s, keeps its samples and leaves nothing`,
      async () => {
        const host = observe()
        using project = Project.of(slow, kinds)
        const running = await inTheMiddle(project, ['--save-baseline', 'main'])
        const sent = performance.now()
        const outcome = await running.kill(signal)
        expect(outcome.exitCode).toBe(130)
        expect((performance.now() - sent) / 1000).toBeLessThan(10)
        expectNoStack(outcome)
        expect(outcome.stdout).toContain('Not saved as the baseline "main": the run was interrupted.')
        expect(existsSync(project.path('.isobench/baselines'))).toBe(false)
        host.expectClean()
        const record = readRecord(project.records().at(-1)!)
        expect(record.status).toBe('interrupted')
        expect(record.samples.length).toBeGreaterThanOrEqual(3)
        // The interrupted sample is not recorded, and it is not an error.
        expect(record.samples.flatMap((one) => errorOf(one) ?? [])).toEqual([])
        expect((await project.isobench(['judge'])).exitCode).toBe(130)
      },
    )

  testUnless(
    unavailable,
    'platform-unavailable',
    'that is killed by SIGKILL leaves what `isobench clean` removes, and a second run works',
    async () => {
      const host = observe()
      using project = Project.of(slow, kinds)
      const running = await inTheMiddle(project)
      await running.kill('SIGKILL')
      const left = host.leftovers()
      for (const kind of ['cgroup', 'mount', 'netns', 'directory', 'journal']) {
        expect(
          left.some((line) => line.startsWith(kind)),
          `a ${kind} in\n${left.join('\n')}`,
        ).toBe(true)
      }
      // If a user removes the state folder by hand, that must not reach the host's devices.
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toMatch(/ \S*\/isob-\S+ devtmpfs /)
      const record = readRecord(project.records().at(-1)!)
      expect(record.status).toBe('killed')
      expect(record.samples.length).toBeGreaterThanOrEqual(3)

      const cleaned = await project.isobench(['clean'])
      expect(cleaned.exitCode).toBe(0)
      expect(cleaned.stdout).toMatch(/removed the cgroup isob-/)
      host.expectClean()
      expect((await project.isobench(['clean'])).exitCode).toBe(0)

      // Nobody holds the lock of the dead run.
      const { report } = await project.run(['--rounds', '1'])
      expect(report.status).toBe('finished')
      expect(report.cases[0]!.results.flatMap(({ errors }) => errors)).toEqual([])
      host.expectClean()
    },
  )
})

/** Programs that start others in a cgroup, lock a file, read the project, or end with isobench. */
const mayBeOutside = ['node', 'MainThread', 'sh', 'cgexec', 'flock', 'esbuild']

/** Descendants of a process, each by its name, that are in no cgroup of isobench. */
function outsideCgroup(pid: number): string[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return children.map(Number).flatMap((child) => {
      const [name, groups, stat] = ['comm', 'cgroup', 'stat'].map((file) =>
        readFileSync(`/proc/${child}/${file}`, 'utf8').trim(),
      )
      // A process that is ending (PF_EXITING in the kernel's sched.h) is in no cgroup of version 1.
      const flags = Number(stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[6])
      const hasEnded = (flags & 4) !== 0
      const isOutside = !groups!.includes('/isobench/') && !mayBeOutside.includes(name!) && !hasEnded
      return [...(isOutside ? [name!] : []), ...outsideCgroup(child)]
    })
  } catch {
    // A process has ended.
    return []
  }
}

describe('a run that is killed by SIGKILL leaves what `isobench clean` removes', () => {
  const kinds = ['runc', 'lxc', 'bubblewrap', 'nspawn'].filter((kind) => engines[kind] === '')

  async function killedWhen(project: Project, args: string[], now: (text: string) => boolean): Promise<void> {
    const host = observe()
    const running = project.start(['run', '--wait-for-lock', ...args], { timeout: 220 })
    const outside = new Set<string>()
    const isDue = () => {
      for (const line of outsideCgroup(running.pid)) outside.add(line)
      return now(running.text)
    }
    await running.until(isDue, 'the moment to kill it', 200)
    await running.kill('SIGKILL')
    expect([...outside]).toEqual([])
    expect(host.leftovers()).not.toEqual([])
    expect((await project.isobench(['clean'])).exitCode).toBe(0)
    host.expectClean()
  }

  test.each([
    [
      'a guest',
      `bench('boot', workload.boot('boot', {
  metrics: { time: lower('ms') },
  run: async ({ boot }) => ({ time: (await boot(command('sleep', '1'))).milliseconds }),
}))`,
    ],
    [
      'several guests',
      `bench('burst', workload.guests('burst', {
  metrics: { time: lower('ms') },
  async run({ boot, burst }) {
    const own = await boot()
    const starts = await burst(4, command('sh', '-c', 'echo ready; sleep 600'))
    await own.exec(command('sleep', '1'))
    return { time: starts.map((start) => (start.ok ? start.readyMs : -1)) }
  },
}))`,
    ],
  ])('while it boots %s', async (_, code) => {
    const text = `${imports}\n${code}\n`
    using project = Project.of(text, kinds)
    await killedWhen(project, ['--rounds', '50'], () => project.samples() > kinds.length)
  })

  test('while it removes its guests', async () => {
    using project = Project.of(benchFile('return { time: await say(1) }'), kinds)
    // isobench removes the round's guests after it has written the last sample.
    await killedWhen(project, ['--rounds', '1'], () => project.samples() >= kinds.length)
  })
})

test('a run that ends by a signal removes everything, and names the workload', async () => {
  const host = observe()
  using project = Project.of(slow)
  const running = await inTheMiddle(project)
  process.kill(running.pid, 'SIGABRT')
  const { exitCode, stderr } = await running.end()
  expect(exitCode).toBe(-1)
  expect(stderr).toMatch(
    /error {2}isobench ended while it was (running 1 bench of \/|measuring benches\/it\.bench\.ts#spoken on )/,
  )
  expect(stderr).toMatch(/removed the cgroup isob-/)
  host.expectClean()
})

test('a second SIGINT changes nothing: the run still removes everything', async () => {
  const host = observe()
  using project = Project.of(slow)
  const running = await inTheMiddle(project)
  process.kill(running.pid, 'SIGINT')
  const outcome = await running.kill('SIGINT')
  expect(outcome.exitCode).toBe(130)
  host.expectClean()
})

test('a run that is interrupted before it measures, while it probes, leaves nothing', async () => {
  const host = observe()
  using project = Project.of(slow)
  const running = project.start(long)
  await running.until(() => running.text.includes('probing'), 'it probed')
  const outcome = await running.kill('SIGINT')
  expect(outcome.exitCode).toBe(130)
  expectNoStack(outcome)
  host.expectClean()
})

test('a run ends as with SIGINT if its terminal closes (SIGHUP)', async () => {
  const host = observe()
  using project = Project.of(slow)
  const running = await inTheMiddle(project)
  expect((await running.kill('SIGHUP')).exitCode).toBe(130)
  host.expectClean()
})

test.each([
  ['nohup', ['bash', '-c', 'nohup "$@"; exit $?', 'bash']],
  ['a shell that ignores it', ['sh', '-c', 'trap "" HUP; "$@"; exit $?', 'sh']],
])('a run goes on after SIGHUP if it was started by %s', async (_, wrapper) => {
  using project = Project.of(slow)
  const running = project.start(['run', '--wait-for-lock', '--rounds', '6', '--no-remeasure'], { wrapper })
  await running.until(() => project.samples() >= 1, 'the first sample')
  const [pid] = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').split(' ')
  expect(Number(pid)).toBeGreaterThan(0)
  process.kill(Number(pid), 'SIGHUP')
  expect((await running.end()).exitCode).toBe(0)
  expect(readRecord(project.records().at(-1)!).status).toBe('finished')
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '`time` removes its folder at %s while it loads',
  async (signal) => {
    const host = observe()
    using project = Project.with()
    const state = project.path('state')
    const env = { ISOBENCH_STATE: state }
    const running = project.start(['time', '--wait-for-lock', '-p', 'native', '--', 'sleep', '60'], { env })
    const journals = () => (existsSync(join(state, 'journals')) ? readdirSync(join(state, 'journals')) : [])
    await running.until(() => journals().some((name) => name.startsWith('time-')), 'its journal exists')
    expect((await running.kill(signal)).exitCode).toBe(130)
    expect(journals()).toEqual([])
    expect(readdirSync(state).filter((name) => name.startsWith('time-'))).toEqual([])
    host.expectClean()
  },
)

test('an interrupted run removes everything even if nobody reads its output', async () => {
  const host = observe()
  using project = Project.of(slow)
  const running = await inTheMiddle(project)
  running.child.stdout.destroy()
  running.child.stderr.destroy()
  const before = project.samples()
  await running.until(() => project.samples() >= before + 3, 'three more samples')
  expect((await running.kill('SIGINT')).exitCode).toBe(130)
  host.expectClean()
})

describe('while a run has the host', () => {
  test('`clean` leaves it alone, a second run names its process, and the first is not disturbed', async () => {
    const host = observe()
    using first = Project.of(slow)
    using second = Project.of(slow)
    const running = await inTheMiddle(first)

    const cleaned = await second.isobench(['clean'])
    expect(cleaned.stdout).toMatch(/skipped .*isob-/)
    expect(cleaned.exitCode).toBe(0)

    // The run boots its guests from the image.
    for (const args of [['run', '--rounds', '1'], ['doctor'], ['image', 'remove']]) {
      const refused = await second.isobench(args)
      expect(refused.exitCode).toBe(5)
      expect(refused.stderr).toContain(`process ${running.pid}`)
      expect(refused.stderr).toMatch(/--wait-for-lock/)
      expect(refused.seconds).toBeLessThan(10)
      expectNoStack(refused)
    }
    expect(second.records()).toEqual([])
    // Runs with another state folder, or in another network namespace, use the same CPUs.
    const elsewhere = { env: { ISOBENCH_STATE: second.path('state') } }
    const refused = await second.isobench(['run', '--rounds', '1'], elsewhere)
    expect([refused.exitCode, refused.stderr.includes(`process ${running.pid}`)]).toEqual([5, true])

    const waiting = second.start(['run', '--wait-for-lock', '--rounds', '1'])
    await waiting.until(() => waiting.text.includes(`waiting for process ${running.pid}`), 'it said that it waits')
    const before = first.samples()
    await running.until(() => first.samples() >= before + 3, 'three more samples of the first')
    expect(second.records()).toEqual([])
    expect((await running.kill('SIGINT')).exitCode).toBe(130)
    expect(readRecord(first.records()[0]!).samples.flatMap((one) => errorOf(one) ?? [])).toEqual([])

    await waiting.end()
    expect(readRecord(second.records()[0]!)).toMatchObject({ status: 'finished' })
    host.expectClean()
  })
})
