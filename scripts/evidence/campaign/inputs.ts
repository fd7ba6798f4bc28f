import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commands } from '../../../src/commands/index.ts'
import { parseCommandLine } from '../../../src/commands/parse.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import { importRecord } from '../../../src/core/records/import.ts'
import { CleanupJournal, openJournals } from '../../../src/host/journal.ts'
import { CampaignCounter, type CampaignRow } from './outcome.ts'
import { answers } from './records.ts'

type Random = () => number

const pick = <T>(all: readonly T[], random: Random): T => all[Math.floor(random() * all.length)]!

/** Values that parsers tend to misread. */
const oddTexts = [
  '',
  ' ',
  '-',
  '--',
  '-1',
  '0',
  'NaN',
  '1e999',
  '../..',
  '/dev/null',
  '\0',
  '\u001b[31m',
  '\ud800',
  '='.repeat(9),
  '__proto__',
  '💥',
]

/** Random command lines: real commands and options, with values of others and odd ones. */
export async function fuzzCommandLines(count: number, random: Random): Promise<CampaignRow> {
  const counter = new CampaignCounter('random command line')
  const loaded = await Promise.all(commands.map(async ({ name, load }) => ({ name, command: await load() })))
  const flags = loaded
    .flatMap(({ command }) => Object.keys(command.options))
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)
  for (let at = 0; at < count; at++) {
    const { name, command } = pick(loaded, random)
    const word = () => {
      const kind = random()
      if (kind < 0.5) return pick(flags, random)
      return kind < 0.7 ? `${pick(flags, random)}=${pick(oddTexts, random)}` : pick(oddTexts, random)
    }
    const argv = Array.from({ length: Math.floor(random() * 6) }, word)
    await answers(counter, JSON.stringify([name, ...argv]), () => parseCommandLine(`isobench ${name}`, command, argv))
  }
  return counter.row
}

/** Replaces one value somewhere below `value`. */
function mutated(value: unknown, random: Random): unknown {
  const odd: readonly unknown[] = [null, -1, 0, 1e308, 0.5, '', 'x', [], {}, true, ...oddTexts]
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(odd, random)
  const entries = Object.entries(value)
  if (entries.length === 0) return pick(odd, random)
  const [key] = pick(entries, random)
  const replaced = entries.flatMap(([name, inner]): [string, unknown][] => {
    if (name !== key) return [[name, inner]]
    return random() < 0.1 ? [] : [[name, mutated(inner, random)]]
  })
  return Array.isArray(value) ? replaced.map(([, inner]) => inner) : Object.fromEntries(replaced)
}

const imported = {
  isobench: 'import',
  version: 1,
  source: 'a harness',
  samples: ['native', 'runc'].map((platform) => ({
    bench: 'latency',
    metric: 'time',
    platform,
    unit: 'ms',
    values: [1, 2, 3, 4, 5, 6].map((value, round) => ({ round, value })),
  })),
}

const suite = {
  benches: [
    {
      id: 'a.bench.ts#latency',
      file: 'a.bench.ts',
      name: 'latency',
      mode: 'run' as const,
      tags: [],
      params: {},
      metrics: { time: { dimension: 'time' as const, unit: 'ms' as const, better: 'lower' as const } },
      workload: { name: 'latency', kind: 'commands' as const, lifecycle: 'round' as const },
      digest: 'digest',
      claims: [],
    },
  ],
  findings: [],
  problems: [],
}

const targets = [
  { name: 'native', kind: 'native', family: 'native' as const },
  { name: 'runc', kind: 'runc', family: 'container' as const },
]

/** Imports with random values in random places. Each is refused with a message or gives a report. */
export async function fuzzImports(count: number, random: Random): Promise<CampaignRow> {
  const counter = new CampaignCounter('import with a random value in a random place')
  for (let at = 0; at < count; at++) {
    let value: unknown = imported
    for (let left = 1 + Math.floor(random() * 3); left > 0; left--) value = mutated(value, random)
    await answers(counter, JSON.stringify(value), () =>
      buildReport(importRecord('import.json', value, suite as never, targets), { strict: false }),
    )
  }
  return counter.row
}

/** Journals with damaged bytes. Reading one never throws, and finds every entry with an undamaged line. */
export async function fuzzJournals(count: number, random: Random): Promise<CampaignRow> {
  const counter = new CampaignCounter('cleanup journal with a damaged byte')
  const state = mkdtempSync(join(tmpdir(), 'isobench-campaign-'))
  const before = process.env.ISOBENCH_STATE
  process.env.ISOBENCH_STATE = state
  try {
    const lines = Array.from({ length: 6 }, (_, made) =>
      JSON.stringify({ made, entry: { kind: 'netns', name: `n${made}` } }),
    )
    const bytes = Buffer.from(`${['{"owner":{"pid":1,"started":"0"}}', ...lines].join('\n')}\n`)
    mkdirSync(join(state, 'journals'))
    for (let at = 0; at < count; at++) {
      const damaged = Buffer.from(bytes)
      damaged[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      writeFileSync(join(state, 'journals/one.jsonl'), damaged, { mode: 0o600 })
      const text = damaged.toString('utf8').split('\n')
      // A damaged line may claim the number of another one.
      const claimed = text.flatMap((line) =>
        lines.includes(line) ? [] : (/"(?:made|undone)":(\d+)/.exec(line)?.[1] ?? []),
      )
      const expected = lines.filter((line, made) => text.includes(line) && !claimed.includes(String(made))).length
      await answers(
        counter,
        damaged.toString('latin1'),
        () => {
          const [found] = [...openJournals()]
          if (found!.entries.length < expected) throw new Error(`${found!.entries.length} of ${expected} entries`)
        },
        () => false,
      )
    }
    // A journal that was damaged does not hinder a new one.
    await using _journal = CleanupJournal.start('two', async () => {})
  } finally {
    if (before === undefined) delete process.env.ISOBENCH_STATE
    else process.env.ISOBENCH_STATE = before
    rmSync(state, { recursive: true })
  }
  return counter.row
}
