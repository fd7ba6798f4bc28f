import { setTimeout as sleep } from 'node:timers/promises'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { CampaignProject } from './host.ts'
import { CampaignCounter, type CampaignRow } from './outcome.ts'

/** Which runs are killed. */
export interface Kills {
  /** Names of platforms of the config of the checkout. */
  readonly platforms: string
  readonly count: number
  /** Seconds in which a kill falls: probes, boots, samples and the removal of guests. */
  readonly span: number
}

/** Kills real runs at random times, cleans, and counts what is left and which reported samples the record lacks. */
export async function killRuns(
  checkout: string,
  { platforms, count, span }: Kills,
  random: () => number,
): Promise<CampaignRow> {
  const counter = new CampaignCounter(`SIGKILL of a run on ${platforms}, then isobench clean`)
  using project = new CampaignProject(checkout, platforms)
  for (let at = 0; at < count; at++) {
    const before = project.latestRecord()
    const seconds = random() * span
    const outcome = await project.run(['--rounds', '40', '--reporter', './counter.ts'], seconds)
    if (outcome.signal !== 'SIGKILL') throw new Error(`the run ended with ${outcome.status}: ${outcome.stderr}`)
    const reported = project.takeSampleCount()
    const record = project.latestRecord()
    const stored = record === undefined || record === before ? 0 : readRecord(record).samples.length
    // Two at once, because a user may be impatient.
    const cleaned = await Promise.all([project.isobench(['clean']), project.isobench(['clean'])])
    await sleep(100)
    const left = project.leftovers()
    const failed = cleaned.filter(({ status }) => status !== 0)
    counter.count(`after ${seconds.toFixed(2)} s: ${[...left, ...failed.map(({ stderr }) => stderr)].join(', ')}`, {
      lost: Math.max(0, reported - stored),
      left: left.length + failed.length,
    })
  }
  return counter.row
}
