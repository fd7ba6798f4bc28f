/** Traced workloads, on real guests and the real kernel. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { attackProfiles } from '../../src/core/attack-profile/summary.ts'
import type { Calls } from '../../src/core/model/traced-calls.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../../src/core/project/platforms.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { platform } from '../../src/dsl/platform.ts'
import { findImage } from '../../src/host/image.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { jaccard } from '../../src/tracing/call-counts.ts'
import { config, expectNoStack, imports, Project } from './support/cli.ts'
import { ensureImage, isChosen, living, observe, obstacles } from './support/host.ts'
import { elfOf } from './support/probe-program.ts'
import { describeUnless, skip } from './support/skip.ts'
import { ofGuest, reached } from './support/traced.ts'

beforeAll(ensureImage)

const containers = ['native', 'runc', 'crun', 'docker', 'podman', 'lxc', 'bubblewrap', 'nspawn', 'gvisor']
// The test compares these two, so they are always selected.
const chosen = containers.filter((name) => name === 'native' || name === 'runc' || isChosen(name))
const unavailable = await obstacles(...chosen)
const working = chosen.filter((name) => unavailable[name] === '')
/** The host's kernel gets the calls of their guests. */
const sharing = working.filter((name) => name !== 'gvisor')
/** One of each kind, because six rounds of a traced workload take long. */
const repeated = working.filter((name) => ['native', 'runc', 'gvisor'].includes(name))

/** The instances in tracefs, read through a separate mount, without those of running isobench processes. */
function instances(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-tracefs-'))
  execFileSync('mount', ['-t', 'tracefs', 'tracefs', folder])
  try {
    return readdirSync(join(folder, 'instances')).filter(
      (name) => name.startsWith('isob-') && ![...living()].some((one) => name.startsWith(one)),
    )
  } finally {
    execFileSync('umount', [folder])
    rmdirSync(folder)
  }
}

const workloads = new URL('../../benches/isolation/attack-workloads.ts', import.meta.url)

/** Calls that no runtime makes, and that no default seccomp profile refuses. */
const known = {
  getpgid: 121,
  getsid: 124,
  sched_get_priority_max: 146,
  sched_get_priority_min: 147,
  sysinfo: 99,
  times: 100,
}

/** A bench with a program that makes the known calls, or none, and then ends. */
const bench = (source: 'functions' | 'syscalls', options = '{}') => `${imports}
const programs = ${JSON.stringify({ none: elfOf([]), known: elfOf(Object.values(known)) })}
const program = workload('program', {
  metrics: { time: lower('ms') },
  params: { calls: ['none', 'known'] },
  async run({ guest, params }) {
    const install = command('sh', '-c', 'base64 -d > /data/program && chmod 755 /data/program')
    await guest.exec(install, { input: programs[params.calls], untraced: true })
    return { time: (await guest.exec(command('/data/program'))).milliseconds }
  },
})
export const it = bench('program', workload.traced(program, { source: '${source}' }), ${options})
`

/** Platforms with a system that boots in the guest. */
const hasInit = new Set(['lxc', 'nspawn'])

/** Platforms with a program in Go among the traced processes. */
const goRuntimes = new Set(['runc', 'docker', 'podman', 'gvisor'])

/** What the shell of a barrier calls, and no program of a test. */
const ofBarrier = ['dup2', 'fcntl', 'vfork', 'wait4']

/** Expects that an engine with this seccomp profile runs the CPU workload, and nothing that calls `mkdir`. */
async function expectConfined(engine: string, profile: string): Promise<void> {
  const { signal } = new AbortController()
  const guest = { cpus: 1, memoryBytes: 512 * 1024 ** 2 }
  await using session = await HostSession.open(guest, { purpose: 'a seccomp profile', wait: true, signal })
  const [{ driver, options }] = resolvePlatforms([platform(engine as 'runc')], drivers, import.meta.filename) as [
    ResolvedPlatform,
  ]
  const run = async (...argv: [string, ...string[]]) => {
    await using place = await session.createSandbox(findImage()!.rootfs, 60)
    const line = [...(await driver.oneShot(place, argv, options))]
    const [config, file] = [join(place.stateDir, 'bundle/config.json'), join(place.stateDir, 'profile.json')]
    writeFileSync(file, profile)
    if (engine === 'docker') line.splice(line.indexOf('run') + 1, 0, `--security-opt=seccomp=${file}`)
    else {
      const bundle = JSON.parse(readFileSync(config, 'utf8'))
      writeFileSync(config, JSON.stringify({ ...bundle, linux: { ...bundle.linux, seccomp: JSON.parse(profile) } }))
    }
    return await runTimed(line as [string, ...string[]], { timeoutMs: 60_000, label: argv[0], signal })
  }
  const { stdout } = await run('sysbench', 'cpu', '--cpu-max-prime=10000', '--threads=1', '--time=1', 'run')
  expect(stdout, engine).toContain('events per second')
  await expect(run('mkdir', '/data/folder'), engine).rejects.toThrow(/mkdir.*Operation not permitted/)
}

/** The names that more than half of the rounds called. */
const usual = (rounds: readonly string[][]): string[] =>
  [...new Set(rounds.flat())].filter(
    (name) => rounds.filter((names) => names.includes(name)).length * 2 > rounds.length,
  )

describeUnless(process.arch === 'x64' ? '' : process.arch, 'host-kind', 'traced by syscalls', () => {
  test(`a program has exactly its calls more than an empty one, on ${working.join(', ')}`, async () => {
    const host = observe()
    using project = Project.with({
      'isobench.config.ts': config(...working),
      'benches/it.bench.ts': bench('syscalls'),
      'epss.csv': '#model_version:v2025.03.14,score_date:2026-01-02\ncve,epss,percentile\nCVE-2024-1086,0.5,0.9\n',
      'map.csv': 'cve,function\nCVE-2024-1086,__x64_sys_times\n',
    })
    const traced = async (platforms: readonly string[], rounds: number) => {
      const args = ['--platform', platforms.join(), '--rounds', String(rounds)]
      const { report, record } = await project.run(args, { timeout: 230 })
      expect(report.cases.flatMap(({ results }) => results.flatMap(({ errors }) => errors))).toEqual([])
      return record
    }
    // Only what most rounds have in common is known of gVisor.
    const ofGvisor = working.includes('gvisor') ? await traced(['gvisor'], 3) : undefined
    const others = await traced(sharing, 2)
    const made = Object.fromEntries(['exit_group', ...Object.keys(known)].map((name) => [name, 1]))
    for (const platform of working) {
      const record = platform === 'gvisor' ? ofGvisor! : others
      expect(reached(record, platform, 'calls=none').flat(), platform).not.toEqual(
        expect.arrayContaining([expect.toBeOneOf(ofBarrier)]),
      )
      if (platform === 'gvisor') {
        // The kernel of gVisor handles them, so the host gets none. In one of three such short works, the Go runtime of
        // the sentry starts or wakes a thread.
        const usually = (calls: string) => usual(reached(record, platform, calls))
        expect(usually('calls=known').filter((name) => name in known)).toEqual([])
        const [none, some] = [usually('calls=none'), usually('calls=known')]
        expect(jaccard(none, some), `${none} | ${some}`).toBeGreaterThanOrEqual(0.8)
      } else {
        // The init of a system container may work at the same time.
        const exactly = (calls: Calls) => (hasInit.has(platform) ? expect.objectContaining(calls) : calls)
        for (const calls of ofGuest(record, platform, 'calls=none'))
          expect(calls, platform).toEqual(exactly({ exit_group: 1 }))
        for (const calls of ofGuest(record, platform, 'calls=known')) expect(calls, platform).toEqual(exactly(made))
      }
    }
    // Scores apply when the record is read.
    const imported = await project.isobench(['epss', 'import', 'epss.csv', '--map', 'map.csv'])
    expect(imported.exitCode, imported.stderr).toBe(0)
    const json = await project.isobench(['attack-profile', 'show', 'native', '--bench', 'calls=known', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      epss: { date: '2026-01-02', kernelCves: null },
      profiles: [{ exposure: { cves: [{ cve: 'CVE-2024-1086', epss: 0.5 }], expected: 0.5, covered: 1 } }],
    })
    const shown = await project.isobench(['attack-profile', 'show', '--bench', 'calls=known'])
    expect(shown.stdout).toMatch(/native +\d+/)
    expect(shown.stdout).toContain('EPSS scores of 2026-01-02')
    const diff = await project.isobench([
      'attack-profile',
      'diff',
      'native',
      'runc',
      '--bench',
      'calls=known',
      '--json',
    ])
    const { diffs } = JSON.parse(diff.stdout) as { diffs: { by: string; parts: { part: string; onlyB: object[] }[] }[] }
    expect(diffs).toHaveLength(1)
    expect(diffs[0]).toMatchObject({ source: 'syscalls', a: 'native', b: 'runc' })
    // native has nothing to start, and runc a container.
    expect(JSON.stringify(diffs[0]!.parts.find(({ part }) => part === 'setup')!.onlyB)).toContain('pivot_root')
    const typo = await project.isobench(['attack-profile', 'diff', 'native', 'runcc'])
    expect(typo.exitCode).toBe(5)
    expect(typo.stderr).toContain('Did you mean "runc"?')
    host.expectClean()
    expect(instances()).toEqual([])
  })

  test(`the same workload twice has a Jaccard index of 0.95 or more, on ${repeated.join(', ')}`, async (context) => {
    const host = observe()
    const different: string[] = []
    using project = Project.with({
      'isobench.config.ts': config(...repeated),
      'benches/it.bench.ts': `${imports}
import { cpu } from './attack-workloads.ts'
export const it = bench('cpu', workload.traced(cpu, { source: 'syscalls', workMetric: 'events' }))`,
      'benches/attack-workloads.ts': readFileSync(workloads, 'utf8'),
    })
    const { report, record } = await project.run(['--rounds', '6'], { timeout: 450 })
    expect(report.cases.flatMap(({ results }) => results.flatMap(({ errors }) => errors))).toEqual([])
    for (const platform of repeated) {
      const rounds = reached(record, platform)
      const half = (which: number) => usual(rounds.filter((_, round) => round % 2 === which))
      const [once, again] = [half(0), half(1)]
      expect(once.length, platform).toBeGreaterThan(10)
      // On some hosts a Go runtime's own calls differ from round to round: then nothing is known of such platforms.
      const isAlike = jaccard(once, again) >= 0.95
      if (isAlike || !goRuntimes.has(platform)) expect(isAlike, `${platform}: ${once} | ${again}`).toBe(true)
      else different.push(platform)
      // Calls that a runtime's threads make in some rounds only are listed separately, and are fewer.
      const cell = attackProfiles(record).find((one) => one.platform === platform)!
      expect(cell.someRounds.work.length, `${platform}: at times ${cell.someRounds.work}`).toBeLessThan(
        Object.keys(cell.work).length / 2,
      )
    }
    const made = await project.isobench(['attack-profile', 'seccomp', 'runc'])
    expect(made.stderr).toMatch(/^The profile allows \d+ calls, from 6 rounds of runc, warm-up included\./)
    for (const engine of ['runc', 'docker'].filter((name) => working.includes(name)))
      await expectConfined(engine, made.stdout)
    host.expectClean()
    if (different.length > 0) skip(context, 'host-kind', `the calls of Go runtimes differ by chance here: ${different}`)
  }, 480_000)

  test('tracing of a killed run goes on until the next run starts, or until `isobench clean`', async () => {
    const host = observe()
    const before = instances()
    const mine = () => instances().filter((name) => !before.includes(name))
    using project = Project.with({ 'isobench.config.ts': config('native'), 'benches/it.bench.ts': bench('syscalls') })
    for (const [next, exitCode] of [
      [['doctor', '--wait-for-lock'], 0],
      [['clean'], 0],
    ] as const) {
      const running = project.start(['run', '--wait-for-lock', '--rounds', '200', '--seconds', '0.5'], { timeout: 200 })
      await running.until(() => project.samples() >= 1, 'the first sample', 150)
      await running.kill('SIGKILL')
      expect(mine()).toHaveLength(1)
      expect((await project.isobench(next)).exitCode).toBe(exitCode)
      expect(mine()).toEqual([])
      rmRecords(project)
    }
    await project.isobench(['clean'])
    host.expectClean()
  })
})

/** So that the next run's samples are counted from 0. */
const rmRecords = (project: Project) => execFileSync('rm', ['-rf', project.path('.isobench/runs')])

test('a bench is excluded with the reason if the kernel refuses its trace source', async (context) => {
  using project = Project.with({
    'isobench.config.ts': config('native'),
    'benches/it.bench.ts': `${bench('functions')}
finding(101, 'native is narrow', [expect(it.functions).on('native').atMost('1 count')])`,
  })
  const { report, exitCode, stdout, stderr } = await project.run(['--rounds', '1'])
  expectNoStack({ stdout, stderr })
  if (report.excluded.length === 0) skip(context, 'host-kind', 'this kernel can trace its functions')
  expect(exitCode).toBe(4)
  expect(report.claims[0]!.outcome).toBe('not-evaluated')
  expect(report.claims[0]!.reason).toEqual({
    code: 'tracer-unavailable',
    message: expect.stringMatching(/^the kernel refuses to trace functions: E/),
  })
  expect(stdout).toContain('1 bench not traceable on this host')
})
