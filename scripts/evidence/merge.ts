/** Merging many large records: seconds and memory of `isobench merge`, and of `isobench judge` on the result. */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { casesOf } from '../../src/core/model/plan.ts'
import type { BenchData } from '../../src/core/model/suite.ts'
import { selectShard } from '../../src/core/project/shard.ts'
import { recordTexts } from '../../src/core/records/merge.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { seeded } from '../../src/core/stats/index.ts'
import { countOption, type Measurement } from './measurement.ts'

const recordBytes = 1_000_000
const rounds = 5

/** One bench per shard, with so many cases that its record has about `recordBytes`. */
function writeRecords(root: string, folder: string, count: number): number {
  const real = readRecord(join(root, 'test/fixtures/records/prime-latency-boot.jsonl'))
  const [first] = real.plan.benches
  const sample = real.samples.find(({ warmup, outcome }) => !warmup && outcome.ok)!
  const platforms = real.plan.platforms.filter(({ available }) => available)
  // The others of the plan are in the first line of every record.
  const bench = (at: number, cases: number): BenchData => ({
    ...first!,
    id: `${first!.file}#bench ${at}`,
    name: `bench ${at}`,
    claims: first!.claims.map((claim) => ({ ...claim, bench: `${first!.file}#bench ${at}` })),
    params: { n: Array.from({ length: cases }, (_, n) => n) as [number, ...number[]] },
  })
  const sampleBytes = JSON.stringify({ type: 'sample', sample }).length + 40
  const planBytes = count * (JSON.stringify(bench(0, 1)).length + first!.id.length + 10)
  const room = Math.max(20 * sampleBytes, recordBytes - planBytes)
  const cases = Math.max(1, Math.round(room / (sampleBytes * rounds * platforms.length)))
  const benches = Array.from({ length: count }, (_, at) => bench(at, cases))
  const seconds = benches.map(({ id }) => ({ id, seconds: 1 }))
  const random = seeded('merge')
  let bytes = 0
  for (let index = 1; index <= count; index++) {
    const part = selectShard(benches, { index, count, run: 'evidence' }, seconds)
    const own = part.benches.flatMap(casesOf)
    const samples = own.flatMap((one) =>
      Array.from({ length: rounds }, (_, round) =>
        platforms.map(({ name }) => ({
          ...sample,
          case: one.id,
          platform: name,
          round,
          outcome: {
            ok: true as const,
            values: Object.fromEntries(Object.keys(first!.metrics).map((metric) => [metric, 100 + random()])),
          },
        })),
      ).flat(),
    )
    const { environment, problems } = real
    const record = {
      environment: { ...environment, startedAt: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString() },
      problems,
      samples,
      status: 'finished' as const,
      plan: {
        ...real.plan,
        profile: { ...real.plan.profile, rounds },
        benches: part.benches,
        cases: own,
        findings: [],
        excluded: part.excluded,
        shard: part.shard,
      },
    }
    const descriptor = openSync(join(folder, `shard-${index}.jsonl`), 'w')
    for (const text of recordTexts(record, environment.startedAt)) bytes += writeSync(descriptor, text)
    closeSync(descriptor)
  }
  return bytes
}

/** The largest resident memory of a process so far, in MiB. */
function peakOf({ pid }: ChildProcess): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

async function measure(
  root: string,
  args: readonly string[],
): Promise<{ code: number | null; seconds: number; mib: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, [join(root, 'bin/isobench.js'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let mib = 0
  let code: number | null | undefined
  void ended.then((value) => {
    code = value
  })
  while (code === undefined) {
    mib = Math.max(mib, peakOf(child))
    await sleep(20)
  }
  return { code, seconds: (performance.now() - started) / 1000, mib }
}

export const merge: Measurement = {
  description: 'seconds and memory of isobench merge and judge with many records of 1 MB',
  options: { records: 'numbers of records (default: 10,100,1000)' },
  async run({ root, options, print }) {
    for (const count of (options.records ?? '10,100,1000').split(',').map((text) => countOption(text, 0))) {
      const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
      try {
        const records = join(folder, 'records')
        mkdirSync(records)
        const bytes = writeRecords(root, records, count)
        const all = join(folder, 'all.jsonl')
        const show = (what: string, { code, seconds, mib }: Awaited<ReturnType<typeof measure>>, size: number) =>
          print(
            `${what}: ${count} records, ${(size / 1e6).toFixed(0)} MB: ` +
              `${seconds.toFixed(1)} s, ${mib.toFixed(0)} MiB, exit ${code}`,
          )
        show('merge', await measure(root, ['merge', records, '--strict', '--out', all]), bytes)
        show('judge', await measure(root, ['judge', all, '--reporter', 'dot']), statSync(all).size)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }
  },
}
