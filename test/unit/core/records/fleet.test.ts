import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, describe, expect, it } from 'vitest'
import { jsonSchema } from '../../../../scripts/docs/schemas.ts'
import { command } from '../../../../src/commands/fleet.ts'
import { checkOptions } from '../../../../src/commands/options.ts'
import { type Fleet, fleetSchema } from '../../../../src/core/model/fleet.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { findDissent, type JudgedHost } from '../../../../src/core/records/dissent.ts'
import { compareKinds, judgeKind, latestStatements } from '../../../../src/core/records/fleet.ts'
import { chooseByHost, recordText } from '../../../../src/core/records/merge.ts'
import { seeded, shuffled } from '../../../../src/core/stats/index.ts'
import { fleetText } from '../../../../src/reporters/fleet.ts'
import { dissentSentences } from '../../../../src/reporters/fleet-words.ts'
import { createColors } from '../../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../../src/util/text.ts'
import { surveysOf } from '../../../support/merged.ts'
import { simulateHosts } from '../../../support/simulated-fleet.ts'
import { Memory } from '../../reporters/fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-fleet-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fleetOf(records: readonly RunRecord[], strict = false): Fleet {
  const statements = latestStatements(records)
  const kinds = chooseByHost(surveysOf(records)).kinds.map((kind) => judgeKind(kind, statements, { strict }))
  return compareKinds(
    kinds,
    kinds.flatMap(({ leftOut }) => leftOut),
    strict,
  )
}

const finding = ({ verdicts }: Fleet, id: number) => verdicts.find((one) => one.finding === id)!
const text = (fleet: Fleet, width = 100) => fleetText(fleet, { width, all: false, ink: createColors({ color: false }) })
const flat = (fleet: Fleet) => text(fleet).replace(/\s+/g, ' ')

const unmitigated = [7, 31, 32, 58, 80, 81, 99]
const hundred = fleetOf(simulateHosts({ hosts: 100, unmitigated }))

describe('100 simulated hosts', () => {
  it('are judged one by one: a finding holds on 93 and is contradicted on the 7 with mitigations off', () => {
    expect(hundred.hosts).toHaveLength(100)
    expect(finding(hundred, 1).counts).toMatchObject({ holds: 100 })
    const { counts, dissent, hosts } = finding(hundred, 2)
    expect(counts).toMatchObject({ holds: 93, contradicted: 7, inconclusive: 0 })
    expect(dissent!.hosts).toEqual(unmitigated.map((at) => `H${at + 1}`))
    expect(hosts.filter((one) => one?.direction === 'worse')).toHaveLength(7)
    expect(hundred.exit).toEqual({ code: 1, hosts: dissent!.hosts })
  })

  it('have one division that separates them, of what mitigations=off changes, and no chance explains it', () => {
    const { separating, nearest, tests } = finding(hundred, 2).dissent!
    expect(nearest).toEqual([])
    expect(separating!.attributes).toEqual(
      expect.arrayContaining([{ name: 'kernel parameter mitigations', value: 'off', isOther: false }]),
    )
    expect(separating!.attributes.map(({ name }) => name)).not.toContain('CPU model')
    // One of 100 choose 7 ways, times the divisions.
    expect(separating!.pValue).toBeCloseTo(1 / 16_007_560_800, 15)
    expect(separating!.adjustedP).toBeCloseTo(separating!.pValue * tests, 15)
    expect(tests).toBeGreaterThan(100)
  })

  it('print who dissents, what they share, and that it need not be the cause', () => {
    expect(flat(hundred)).toContain('2: gVisor is like native')
    expect(flat(hundred)).toContain('holds on 93 of 100, contradicted on 7 (7 worse)')
    expect(flat(hundred)).toContain('Contradicted on H8, H32, H33, H59, H81, H82 and H100.')
    expect(flat(hundred)).toContain(
      'They have, and none of the 93 others has: kernel parameter mitigations: off, ' +
        'state of mitigation meltdown: Vulnerable and state of mitigation spectre_v2: Vulnerable. ' +
        'The same hosts have all 3, so the verdicts cannot show which of them matters.',
    )
    expect(flat(hundred)).toContain('need not be the cause')
    expect(flat(hundred)).toContain('Of 100 kinds, up to 5 may have one.')
    for (const width of [40, 72, 120])
      expect(
        text(hundred, width)
          .split('\n')
          .filter((line) => widthOf(line) > width),
      ).toEqual([])
  })

  it('have ratios with their mean over hosts, and a prediction interval that contains most hosts', () => {
    const [gvisor, runc] = hundred.ratios
    expect([gvisor!.platform, runc!.platform]).toEqual(['gvisor', 'runc'])
    const { ratio, low, high, prediction, inconsistency, spread } = runc!.summary!
    expect([low < 1, high > 1, high / low < 1.01]).toEqual([true, true, true])
    expect(ratio).toBeCloseTo(1, 2)
    expect(Math.log(spread)).toBeCloseTo(0.01, 2)
    expect(inconsistency).toBeGreaterThan(0.9)
    const inside = runc!.hosts.filter((one) => one.ratio > prediction.low && one.ratio < prediction.high)
    expect(inside.length).toBeGreaterThan(80)
    expect(gvisor!.summary!.spread).toBeGreaterThan(1.04)
  })

  it('fit the schema of the JSON', () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictTuples: false })
    ajv.addVocabulary(['enumDescriptions'])
    const validate = ajv.compile(jsonSchema('fleet', false))
    validate(JSON.parse(JSON.stringify(hundred)))
    expect(validate.errors ?? []).toEqual([])
    expect(fleetSchema.parse(JSON.parse(JSON.stringify(hundred)))).toEqual(hundred)
  })
})

describe('kinds of host', () => {
  it('merge records of equal hosts, and count a copy of a record once', () => {
    const [one, two] = simulateHosts({ hosts: 2, unmitigated: [] }) as [RunRecord, RunRecord]
    const again = {
      ...one,
      file: '/records/again.jsonl',
      environment: { ...one.environment, startedAt: '2026-02-01T00:00:00.000Z', hostname: 'twin' },
    }
    const fleet = fleetOf([one, again, { ...one, file: '/records/z.jsonl' }, two])
    expect(fleet.hosts.map(({ records, hostnames }) => ({ records, hostnames }))).toEqual([
      { records: [one.file, again.file], hostnames: ['node0', 'twin'] },
      { records: [two.file], hostnames: ['node1'] },
    ])
    expect(fleet.ratios[0]!.hosts.map(({ rounds }) => rounds)).toEqual([20, 10])
    expect(fleet.ratios[0]!.summary).toBeNull()
    expect(flat(fleet)).toContain('at least 3 are needed to know how much they differ')
  })

  it('with unlike work keep their latest record', () => {
    const [one] = simulateHosts({ hosts: 1, unmitigated: [] }) as [RunRecord]
    const bench = one.plan.benches[0]!
    const later = {
      ...one,
      file: '/records/later.jsonl',
      environment: { ...one.environment, startedAt: '2026-02-01T00:00:00.000Z' },
      plan: { ...one.plan, benches: [{ ...bench, digest: 'new code' }] },
    }
    const fleet = fleetOf([later, one])
    expect(fleet.hosts[0]!.records).toEqual([later.file])
    expect(fleet.leftOut).toEqual([{ file: one.file, why: expect.stringMatching(/does not merge .*is not the same/) }])
    expect(fleet.exit.code).toBe(0)
    expect(fleetOf([later, one], true).exit.code).toBe(3)
    expect(flat(fleet)).toContain('nothing to compare it with')
  })

  it('that measured another version of a bench are not in the summary of its ratios', () => {
    const records = simulateHosts({ hosts: 4, unmitigated: [] })
    const { plan } = records[3]!
    const other = { ...records[3]!, plan: { ...plan, benches: [{ ...plan.benches[0]!, digest: 'new code' }] } }
    const [row] = fleetOf([...records.slice(0, 3), other]).ratios
    expect(row!.otherWork).toEqual(['H4'])
    expect(row!.hosts.map(({ host }) => host)).toEqual(['H1', 'H2', 'H3'])
    expect(row!.summary).not.toBeNull()
  })

  it('are judged by the claims of the latest record', () => {
    const [one, two] = simulateHosts({ hosts: 2, unmitigated: [0] }) as [RunRecord, RunRecord]
    const findings = two.plan.findings.map((each) => ({ ...each, title: `${each.title}, today` }))
    const fleet = fleetOf([one, { ...two, plan: { ...two.plan, findings } }])
    expect(fleet.verdicts.map(({ title }) => title)).toEqual([
      'runc is like native, today',
      'gVisor is like native, today',
      'disk',
    ])
    expect(finding(fleet, 2).hosts.map((one) => one?.outcome)).toEqual(['contradicted', 'holds'])
  })
})

describe('what dissenting hosts have in common', () => {
  const host = (id: number, outcome: JudgedHost['outcome'], attributes: Record<string, string>): JudgedHost => ({
    id: `H${id}`,
    outcome,
    attributes,
  })
  const sentences = (hosts: readonly JudgedHost[]) => dissentSentences(findDissent(hosts)!).join(' ')

  it('is nothing if all decided hosts agree', () => {
    expect(findDissent([host(1, 'holds', { a: 'x' }), host(2, 'inconclusive', { a: 'y' })])).toBeNull()
  })

  it('may be chance with one dissenting host: then no attribute could be convincing', () => {
    const hosts = Array.from({ length: 20 }, (_, at) =>
      host(at, at === 4 ? 'contradicted' : 'holds', { kernel: `6.${at}`, cpu: at % 2 ? 'a' : 'b' }),
    )
    const dissent = findDissent(hosts)!
    expect(dissent.separating!.attributes).toEqual([{ name: 'kernel', value: '6.4', isOther: false }])
    // 20 kernels and one division of the CPUs, each with a p-value of at least 1 in 20.
    expect([dissent.tests, dissent.separating!.adjustedP, dissent.leastP]).toEqual([21, 1, 1])
    expect(sentences(hosts)).toBe(
      "Contradicted on H4. They have, and none of the 19 others has: kernel: 6.4. p = 1.0 (Fisher's exact test, " +
        "Holm's correction for 21 divisions by attributes). That may be chance. With so few dissenting hosts, no " +
        'attribute could have a p below 1.0.',
    )
  })

  it('may be several attributes, or that they lack what all others have', () => {
    const hosts = Array.from({ length: 12 }, (_, at) => {
      const dissents = at < 4
      return host(at, dissents ? 'holds' : 'contradicted', {
        kernel: dissents ? `5.${at}` : '6.12',
        governor: dissents ? 'powersave' : 'performance',
      })
    })
    const { outcome, separating } = findDissent(hosts)!
    expect(outcome).toBe('holds')
    expect(separating!.attributes).toEqual([
      { name: 'kernel', value: '6.12', isOther: true },
      { name: 'governor', value: 'powersave', isOther: false },
    ])
    expect(sentences(hosts)).toContain('kernel: not 6.12 and governor: powersave. The same hosts have all 2')
  })

  it('is stated as nearest if nothing separates them, with what is as near', () => {
    const hosts = Array.from({ length: 8 }, (_, at) =>
      host(at, at < 4 ? 'contradicted' : 'holds', {
        smt: at < 3 || at === 7 ? 'on' : 'off',
        cgroup: at < 3 || at === 6 ? '1' : '2',
      }),
    )
    const { separating, nearest } = findDissent(hosts)!
    expect(separating).toBeNull()
    expect(nearest).toHaveLength(2)
    expect(sentences(hosts)).toMatch(
      /No attribute separates them .* Nearest: smt: on \(3 of 4 dissenting and 1 of 4 others have it; .* That may be/,
    )
    expect(sentences(hosts)).toContain('chance. 1 other division is as near.')
  })

  it('is found by chance in at most 5 % of fleets with random dissent', () => {
    const random = seeded('dissent')
    const fleets = 300
    let found = 0
    for (let fleet = 0; fleet < fleets; fleet++) {
      const dissenting = new Set(shuffled([...Array(30).keys()], random).slice(0, 6))
      const hosts = Array.from({ length: 30 }, (_, at) => {
        const attributes = Array.from({ length: 15 }, (_, name) => [`a${name}`, String(Math.floor(random() * 3))])
        return host(at, dissenting.has(at) ? 'contradicted' : 'holds', Object.fromEntries(attributes))
      })
      const { separating, nearest } = findDissent(hosts)!
      const [best] = separating ? [separating] : nearest
      if (best!.adjustedP <= 0.05) found++
    }
    // 0.05 and two standard errors.
    expect(found / fleets).toBeLessThan(0.075)
  })
})

describe('isobench fleet', () => {
  const records = simulateHosts({ hosts: 5, unmitigated: [2] })
  mkdirSync(join(folder, 'results', 'node1'), { recursive: true })
  records.forEach((record, at) => {
    const name = at === 1 ? 'results/node1/run.jsonl' : `results/${at}.jsonl`
    writeFileSync(join(folder, name), recordText(record, record.environment.startedAt))
  })
  writeFileSync(join(folder, 'damaged.jsonl'), '{"type":"sta')

  async function run(args: readonly string[], typed: Record<string, readonly (string | boolean)[]> = {}) {
    const [out, err] = [new Memory(), new Memory()]
    const io = { cwd: folder, out, err, color: false, commands: [] } as never
    const code = await command.run(args, checkOptions('isobench fleet', command.options, typed), io)
    return { code, out: out.text, err: err.text }
  }

  it('reads a folder and the folders in it, and exits with the code of the worst host', async () => {
    const { code, out } = await run(['results'], { json: [true] })
    expect(code).toBe(1)
    const fleet = fleetSchema.parse(JSON.parse(out))
    expect(fleet.hosts.flatMap((kind) => kind.hostnames).sort()).toEqual(['node0', 'node1', 'node2', 'node3', 'node4'])
    expect(fleet.exit.hosts).toEqual([fleet.hosts.find(({ hostnames }) => hostnames[0] === 'node2')!.id])
  })

  it('leaves out a damaged record of a folder, which fails with --strict, and refuses one that is named', async () => {
    const fine = ['results/0.jsonl', 'results/3.jsonl', 'results/4.jsonl']
    expect(await run(fine)).toMatchObject({ code: 0 })
    await expect(run([...fine, 'damaged.jsonl'])).rejects.toThrow('damaged.jsonl is no run record')
    mkdirSync(join(folder, 'broken'))
    writeFileSync(join(folder, 'broken', 'a.jsonl'), readFileSync(join(folder, 'damaged.jsonl')))
    const { code, out } = await run([...fine, 'broken'])
    expect(code).toBe(0)
    expect(out.replace(/\s+/g, ' ')).toContain('a.jsonl is no run record')
    expect(await run([...fine, 'broken'], { strict: [true] })).toMatchObject({ code: 3 })
    await expect(run(['broken'])).rejects.toMatchObject({
      message: expect.stringMatching(/^no run record in broken can be read: \S+a\.jsonl is no run record: /),
      fix: 'copy the records of .isobench/runs again from their hosts, or name others',
    })
    await expect(run(['nowhere'])).rejects.toThrow('there is no run record at')
  })

  it('writes a page, but not over a record', async () => {
    await run(['results'], { html: ['fleet.html'] })
    expect(readFileSync(join(folder, 'fleet.html'), 'utf8')).toContain('isobench fleet: 5 kinds of host')
    await expect(run(['results'], { html: ['results/0.jsonl'] })).rejects.toThrow('would overwrite a run record')
  })
})
