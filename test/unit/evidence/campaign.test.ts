/** The short form of `npm run bench:self -- campaign`: some cases of each kind that needs no root, with its figures. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { exhaustOutputs } from '../../../scripts/evidence/campaign/exhaustion.ts'
import { fuzzCommandLines, fuzzImports, fuzzJournals } from '../../../scripts/evidence/campaign/inputs.ts'
import { type CampaignRow, campaignTable } from '../../../scripts/evidence/campaign/outcome.ts'
import { killWriters } from '../../../scripts/evidence/campaign/processes.ts'
import { cutRecord, damageRecord } from '../../../scripts/evidence/campaign/records.ts'
import { seeded } from '../../../src/core/stats/index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const recordFile = fileURLToPath(new URL('../../fixtures/records/prime-latency-boot.jsonl', import.meta.url))
const record = readFileSync(recordFile)
const built = existsSync(new URL('../../../dist/bin.js', import.meta.url))

const rows: CampaignRow[] = []
afterAll(() => void process.stdout.write(`${campaignTable(rows)}\n`))

it.each([
  ['cuts', (random: () => number) => cutRecord(record, 3, random)],
  ['damages', (random: () => number) => damageRecord(record, 2, random)],
  ['command lines', (random: () => number) => fuzzCommandLines(300, random)],
  ['imports', (random: () => number) => fuzzImports(200, random)],
  ['journals', (random: () => number) => fuzzJournals(10, random)],
])('random %s lose nothing', async (kind, run) => {
  const row = await run(seeded(`ci ${kind}`))
  rows.push(row)
  expect(row.cases).toBeGreaterThan(9)
  expect(row.faults).toEqual([])
})

it.skipIf(!built)('full and closed outputs and few open files end with a message', () => {
  const row = exhaustOutputs(root, root, seeded('ci outputs'), 2)
  rows.push(row)
  expect(row.faults).toEqual([])
})

it.skipIf(!built)('killed processes lose no sample, and two cleans at once leave nothing', async () => {
  const row = await killWriters(root, recordFile, 3, seeded('ci writers'))
  rows.push(row)
  expect([row.cases, row.lost, row.left]).toEqual([3, 0, 0])
})

it('counts what was lost', () => {
  const row = { kind: 'k', cases: 2, lost: 1, left: null, faults: ['k: c: lost 1, left 0'] }
  expect(campaignTable([row])).toBe('| kind | cases | lost | left over |\n|---|---|---|---|\n| k | 2 | 1 | none made |')
})
