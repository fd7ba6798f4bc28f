import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  benchOf,
  buildCommit,
  checkPaths,
  comparisonOf,
  platformOf,
  skipFix,
  stepText,
} from '../../../src/commands/bisect.ts'
import { commands } from '../../../src/commands/index.ts'
import { checkOptions } from '../../../src/commands/options.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { Report } from '../../../src/core/model/report.ts'
import type { Reason } from '../../../src/core/model/verdict.ts'
import { planLooks } from '../../../src/core/stats/index.ts'
import { platform } from '../../../src/dsl/platform.ts'
import { removeResource } from '../../../src/host/cleanup.ts'
import { CleanupJournal } from '../../../src/host/journal.ts'
import { messageOf } from '../../../src/util/errors.ts'
import { aBench, aClaim, aPlan, aPlatform, aRecord, aSample, costing } from '../core/judge/builders.ts'
import { temporary } from '../host/children.ts'

const folder = temporary()
beforeAll(() => vi.stubEnv('ISOBENCH_STATE', join(folder.path, 'state')))
afterAll(() => {
  vi.unstubAllEnvs()
  folder.remove()
})

const startJournal = (name: string) => CleanupJournal.start(name, removeResource)

describe('a required option', () => {
  it('of any command is asked for in words, and marked in its help', async () => {
    const messages: string[] = []
    const marked: string[] = []
    for (const { name, load } of commands) {
      const { options } = await load()
      for (const [key, spec] of Object.entries(options)) {
        if (spec.description.endsWith('(required)')) marked.push(`${name}: --${key}`)
        try {
          checkOptions(name, { [key]: spec }, {})
        } catch (error) {
          messages.push(messageOf(error))
        }
      }
    }
    expect(marked).toEqual(['plan: --shards', 'bisect: --bench', 'bisect: --build'])
    expect(messages).toEqual([
      'plan: --shards: pass the number of shards.',
      'bisect: --bench: name one bench.',
      'bisect: --build: pass the command that builds a commit.',
    ])
  })
})

describe('bisect', () => {
  it('takes one bench and one platform', async () => {
    const { options } = await commands.find(({ name }) => name === 'bisect')!.load()
    const check = (typed: Record<string, string[]>) =>
      checkOptions('bisect', options, { bench: ['boot'], build: ['make'], ...typed })
    expect(check({ platform: ['a,b'] })).toMatchObject({ bench: ['boot'], platform: ['a,b'] })
    for (const key of ['bench', 'platform'])
      expect(() => check({ [key]: ['a', 'b'] })).toThrow(`bisect: --${key} is given 2 times.`)
  })

  it('takes the bench of exactly this id, if there is one', () => {
    const benches = ['startup/a.bench.ts#boot', 'startup/a.bench.ts#boot phases'].map((id) => aBench({ id }))
    const [boot] = benches
    expect(benchOf({ benches }, { bench: [boot!.id], metric: 'latency' }).bench).toBe(boot)
    expect(() => benchOf({ benches }, { bench: ['boot'], metric: undefined })).toThrow(
      '2 benches with "boot" in the id.',
    )
  })

  it('refuses a repository that is no folder, and a program outside of the work tree', () => {
    expect(() => checkPaths(join(folder.path, 'nope'), 'crun')).toThrow(/there is no folder .*\/nope/)
    for (const program of ['/usr/bin/crun', '../crun', 'a/../../crun'])
      expect(() => checkPaths(folder.path, program)).toThrow(`--binary ${program} is not in the work tree`)
    expect(() => checkPaths(folder.path, './build/../..crun')).not.toThrow()
  })

  it('names each platform as the option that selects it', () => {
    const platforms = [platform('crun', { name: 'a' }), platform('crun', { name: 'b' }), platform('native')]
    expect(() => platformOf({ platforms }, undefined)).toThrow(
      expect.objectContaining({ fix: 'pass --platform a or --platform b' }),
    )
    expect(platformOf({ platforms }, 'b').name).toBe('b')
  })

  it('says what could decide a commit without a verdict', () => {
    expect(skipFix({ code: 'host-overloaded', wouldBe: 'worse' }, 30)).toBe('stop other processes, and run it again')
    expect(skipFix({ code: 'interval-crosses-margin' }, 100)).toBe('allow more rounds: --max-rounds 200')
    expect(skipFix({ code: 'interval-crosses-margin' }, 900)).toBe('allow more rounds: --max-rounds 1000')
    expect(skipFix(null, 30)).toContain('check that the program of --build runs')
  })

  it.each<[Reason, string]>([
    [{ code: 'equals-margin' }, 'choose another margin: --margin'],
    [{ code: 'noise-floor', smallestMarginPercent: 6.2 }, '--margin 7'],
    [{ code: 'different-work' }, 'keep the bench files and the config as they are'],
    [{ code: 'zero-value' }, '--metric'],
    [{ code: 'client-bound', platforms: ['candidate'] }, '--bench'],
    [{ code: 'dependent-rounds', correlation: 0.8, driftPercent: 3, comparisons: 1 }, '--seconds'],
  ])('does not advise more rounds if they decide nothing: %o', (reason, fix) => {
    expect(skipFix(reason, 30)).toContain(fix)
    expect(skipFix(reason, 30)).not.toContain('rounds')
  })

  it('gives the error of failed samples as the reason of a skipped commit', () => {
    const errors = [{ message: 'sysbench: no such file' }, { message: 'another' }]
    const cases = [{ results: [[], errors].map((errors) => ({ errors, samples: [] })) }] as unknown as Report['cases']
    expect(comparisonOf({ maxRounds: 30 }, { claims: [], cases })).toMatchObject({
      verdict: 'skip',
      reason: 'nothing was measured: sysbench: no such file',
    })
    expect(comparisonOf({ maxRounds: 30 }, { claims: [], cases: [] }).reason).toBe('nothing was measured')
  })

  it.each([
    ['an early look decided, and its verdict did not stand', true, 30, '8 of 30 rounds'],
    ['no look decided', false, 30, '30 rounds'],
    ['it stopped at the first look', true, 8, '8 rounds'],
  ])('says how many rounds it measured if %s', (_, isClear, count, said) => {
    const on = { by: 'name', names: ['candidate'] } as const
    const claim = aClaim({ kind: 'notWorseThan', platform: 'good', percent: 5 }, { on })
    const busy = { steal: 0, otherProcesses: 0.9, otherProcessesOnClientCpus: null, cpuPressure: null, runnable: 1 }
    const samples = ['good', 'candidate'].flatMap((name) =>
      costing(name, name === 'good' ? 1 : isClear ? 2 : (round) => (round % 2 ? 2.1 : 0.525), {
        count,
        disturbed: true,
        load: busy,
      }),
    )
    const platforms = [aPlatform('good'), aPlatform('candidate')]
    const planned = aPlan({ platforms, benches: [aBench({ claims: [claim] })] })
    const plan = { ...planned, sequential: planLooks({ first: 8, last: 30 }) }
    const warmup = aSample('good', -1, { warmup: true })
    const report = buildReport(aRecord({ plan, samples: [warmup, ...samples] }), { strict: false })
    const step = comparisonOf({ maxRounds: 30 }, report)
    expect(step).toMatchObject({ verdict: 'skip', rounds: isClear ? 8 : count, measuredRounds: count })
    const commit = { hash: '0123456789abcdef', subject: 'A', date: '' }
    expect(stepText({ ...step, commit })).toContain(` × the good commit; ${said}; `)
  })

  it('does not advise more rounds than it takes', () => {
    expect(skipFix({ code: 'interval-crosses-margin' }, 999)).toBe('allow more rounds: --max-rounds 1000')
    expect(skipFix({ code: 'interval-crosses-margin' }, 1000)).toBe(
      'choose a margin further from the difference: --margin, or longer samples: --seconds',
    )
  })

  it('says which program a build did not make, and how to fix a build that fails', async () => {
    await using journal = startJournal('programs')
    const build = (command: string, program = 'crun') =>
      buildCommit(folder.path, { hash: '0123456789abcdef' }, { command, program, journal })
    const refused = 'the build of 0123456789 made no program that runs: in its work tree, '
    await expect(build('true')).rejects.toMatchObject({
      message: `${refused}there is no program at crun`,
      fix: 'set --binary to the path of the built program in the work tree',
    })
    writeFileSync(join(folder.path, 'crun'), '#!/bin/sh\n', { mode: 0o644 })
    await expect(build('true')).rejects.toMatchObject({
      message: `${refused}crun is not executable (chmod +x)`,
      fix: expect.stringMatching(/^change the command of --build, or set --binary/),
    })
    mkdirSync(join(folder.path, 'bin'))
    await expect(build('true', 'bin')).rejects.toThrow(`${refused}bin is a folder`)
    await expect(build('chmod 755 crun')).resolves.toBeUndefined()
    await expect(build('echo no compiler >&2; exit 3')).rejects.toMatchObject({
      message: 'the build of 0123456789 failed (exit 3): no compiler',
      fix: expect.stringContaining('--build'),
    })
  })

  it('journals the process of a build, which a clean ends after a kill', async () => {
    await using journal = startJournal('process')
    const wait = `for try in $(seq 500); do grep -q '"process"' ${journal.file} && break; sleep 0.01; done`
    const command = `${wait}; cp ${journal.file} journal; printf $$ > pid; printf '#!/bin/sh' > crun; chmod 755 crun`
    await buildCommit(folder.path, { hash: '0123456789abcdef' }, { command, program: 'crun', journal })
    const [, made] = readFileSync(join(folder.path, 'journal'), 'utf8').split('\n')
    const pid = Number(readFileSync(join(folder.path, 'pid'), 'utf8'))
    expect(JSON.parse(made!).entry).toMatchObject({ kind: 'process', id: { pid } })
  })
})
