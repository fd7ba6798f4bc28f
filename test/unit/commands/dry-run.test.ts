import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { showPlan } from '../../../src/commands/dry-run.ts'
import { fakeHost } from '../../support/fake-driver.ts'
import { fakeRun } from '../../support/fake-project.ts'
import { aClaim, aFinding } from '../core/judge/builders.ts'

test('--dry-run prints names without what a terminal would interpret', () => {
  const host = fakeHost({ native: {}, runc: {} })
  const { plan, platforms, project } = fakeRun(host, {
    'clear\u001b[2J\u202escreen': { run: async () => ({ time: 1 }) },
  })
  rmSync(project.root, { recursive: true })
  const { text } = showPlan(plan, platforms)
  expect(text).toContain('clear\\x1b[2J')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
})

test('--dry-run counts only the platforms that it would measure', () => {
  const host = fakeHost({ native: {}, runc: {}, lxc: {} })
  const { plan, platforms, project } = fakeRun(host, { a: {} })
  rmSync(project.root, { recursive: true })
  const findings = [
    aFinding([
      aClaim(
        { kind: 'withinNative', percent: 5 },
        { bench: 'a.bench.ts#a', metric: 'time', on: { by: 'name', names: ['runc'] } },
      ),
    ]),
  ]
  const { text } = showPlan({ ...plan, findings, onlyFindings: true }, platforms)
  expect(text).toMatch(/^Would measure 1 case on 2 platforms: /)
  expect(text).toContain('\nPlatforms: native, runc\n')
  expect(showPlan({ ...plan, findings, onlyFindings: true }, []).text).toContain(
    '\nNothing to measure: no claim of the findings is about these platforms.\n',
  )
})

test('--dry-run leaves out platforms that cannot run a workload, as the run does', () => {
  const { plan, platforms, project } = fakeRun(fakeHost({ native: {}, gvisor: {} }), { a: {} })
  rmSync(project.root, { recursive: true })
  const [native, gvisor] = platforms
  const ability = { save: async () => {}, restore: async () => ({ execArgv: (argv: never) => argv }) }
  const able = { ...gvisor!, driver: { ...gvisor!.driver, snapshots: ability } }
  const benches = plan.benches.map((bench) => ({
    ...bench,
    workload: { ...bench.workload, kind: 'snapshot' as const },
  }))
  expect(showPlan({ ...plan, benches }, [native!, able])).toMatchObject({
    text: expect.stringContaining('\nPlatforms: gvisor\n'),
    isEmpty: false,
  })
  const { text, isEmpty } = showPlan({ ...plan, benches }, [native!])
  expect(text).toContain('\nNothing to measure: native cannot run such workloads.\n')
  expect(isEmpty).toBe(true)
})

test('--dry-run with --max-duration leaves out what would not fit', () => {
  const run = async () => ({ time: 1 })
  const { plan, platforms, project } = fakeRun(fakeHost({ native: {}, runc: {} }), {
    a: { run },
    b: { run },
    c: { run },
  })
  const profile = { rounds: 5, warmup: 1, seconds: 1, timeout: 60 }
  const shown = (maxDuration: number) =>
    showPlan({ ...plan, profile }, platforms, { maxDuration, root: project.root }).text
  try {
    // 12 samples of 1.3 s and the boots of a bench: about 17 s of 40 s.
    expect(shown(40_000).split('\n').slice(0, 10)).toEqual([
      'Would measure 2 cases on 2 platforms: 24 samples of about 1 s',
      expect.stringContaining('No platform was probed.'),
      '',
      'Cases:',
      '  a.bench.ts#a',
      '  a.bench.ts#b',
      '',
      'Would not measure 1 bench, which would not fit into 40 s:',
      expect.stringMatching(/^ {2}a\.bench\.ts {2}c, about \d+ s$/),
      '',
    ])
    expect(shown(3_600_000)).toMatch(/^Would measure 3 cases on 2 platforms: 36 samples/)
    expect(shown(3_600_000)).not.toContain('Would not measure')
  } finally {
    rmSync(project.root, { recursive: true })
  }
})
