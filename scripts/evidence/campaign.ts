/** Kills, cuts, damages, random inputs and exhausted resources, with a seed. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from '../../src/core/stats/index.ts'
import { exhaustOutputs, fillDisks } from './campaign/exhaustion.ts'
import { fuzzCommandLines, fuzzImports, fuzzJournals } from './campaign/inputs.ts'
import { killRuns } from './campaign/kills.ts'
import { type CampaignRow, campaignTable } from './campaign/outcome.ts'
import { killWriters } from './campaign/processes.ts'
import { cutRecord, damageRecord } from './campaign/records.ts'
import { countOption, type Measurement } from './measurement.ts'

/** QEMU boots a kernel in about ten seconds if its CPUs are emulated. */
const emulated = { platforms: 'native,qemu-microvm', span: 45 }

export const campaign: Measurement = {
  description: 'kills, cuts, damages, random inputs and exhausted resources: what is lost and left over',
  options: {
    seed: 'of all random choices; 1',
    kills: 'runs to kill; 20',
    vms: 'runs with an emulated VM to kill; 5',
    disks: 'runs on a disk that becomes full; 12',
    cases: 'cases of each other kind; 2000',
    platform: 'names of the config, for the kills; native,runc,podman-rootless',
  },
  async run({ root, options, print }) {
    const seed = options.seed ?? '1'
    const cases = countOption(options.cases, 2000)
    // Each kind has its own numbers, so that one kind can be repeated without the others.
    const random = (kind: string) => seeded(`${seed} ${kind}`)
    const recordFile = join(root, 'test/fixtures/records/prime-latency-boot.jsonl')
    const record = readFileSync(recordFile)
    const perClass = Math.ceil(cases / 10)
    const platforms = options.platform ?? 'native,runc,podman-rootless'
    const parts: readonly (() => CampaignRow | Promise<CampaignRow>)[] = [
      () => cutRecord(record, perClass, random('cuts')),
      () => damageRecord(record, Math.ceil(perClass / 4), random('damages')),
      () => fuzzCommandLines(cases, random('command lines')),
      () => fuzzImports(cases, random('imports')),
      () => fuzzJournals(Math.ceil(cases / 20), random('journals')),
      () => killWriters(root, recordFile, Math.ceil(cases / 40), random('writers')),
      () => exhaustOutputs(root, root, random('outputs'), Math.ceil(cases / 100)),
      () => fillDisks(root, countOption(options.disks, 12), random('disks')),
      () => killRuns(root, { platforms, count: countOption(options.kills, 20), span: 12 }, random('kills')),
      () => killRuns(root, { ...emulated, count: countOption(options.vms, 5) }, random('vms')),
    ]
    const rows: CampaignRow[] = []
    for (const part of parts) {
      const row = await part()
      if (row.cases === 0) continue
      rows.push(row)
      print(`campaign: ${row.kind}: ${row.cases} cases, ${row.lost} lost, ${row.left ?? 0} left over`)
      for (const fault of row.faults.slice(0, 20)) print(`  ${fault}`)
    }
    print(`campaign: seed ${seed}\n\n${campaignTable(rows)}`)
  },
}
