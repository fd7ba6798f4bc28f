/** What the whole quick suite takes, and how much of that the workloads themselves do. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../src/core/model/record.ts'

/**
 * Wall time of `isobench run` from its start to its end, over what the workloads' commands took: in the guests and in the client,
 * and for boot workloads the boots. Booting guests, starting servers and all else that isobench does are not in the latter.
 */
export function suite(root: string, platforms: string, say: (text: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-self-'))
  try {
    const file = join(folder, 'report.json')
    const args = ['run', '--platform', platforms, '--wait-for-lock', '--reporter', `json=${file}`]
    const started = performance.now()
    const { status, stderr } = spawnSync('node', [join(root, 'bin/isobench.js'), ...args], {
      cwd: root,
      encoding: 'utf8',
    })
    // 1 and 3: something was contradicted or left in doubt, which is no matter here.
    if (![0, 1, 3].includes(status ?? -1)) throw new Error(`the run ended with ${status}: ${stderr}`)
    const wall = performance.now() - started
    const { record } = JSON.parse(readFileSync(file, 'utf8')) as { record: string }
    const samples = readFileSync(record, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"sample"'))
      .map((line) => (JSON.parse(line) as { sample: Sample }).sample)
    const spent = (what: 'commands' | 'servers' | 'boots', of = samples) =>
      of.reduce((sum, sample) => sum + (sample.timeBreakdown?.[what] ?? 0), 0)
    const inSamples = samples.reduce((sum, { wallMs }) => sum + wallMs, 0)
    const commands = spent('commands')
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
    const between = inSamples - commands - spent('servers') - spent('boots')
    const failed = samples.filter(({ error }) => error !== undefined).length
    say(
      `suite: quick on ${platforms}: ${seconds(wall)} of wall time, ${samples.length} samples (${failed} failed), load ${loadavg()[0]!.toFixed(1)}`,
    )
    say(
      `suite: commands of workloads ${seconds(commands)}, boots of guests ${seconds(spent('boots'))}, servers ${seconds(spent('servers'))}, rest of the samples ${seconds(between)}, outside of samples ${seconds(wall - inSamples)}`,
    )
    const points = [...new Set(samples.map(({ case: point }) => point))]
    for (const point of points) {
      const own = samples.filter((sample) => sample.case === point)
      const all = own.reduce((sum, { wallMs }) => sum + wallMs, 0)
      say(`suite:   ${point}: ${seconds(all)}, of which commands ${seconds(spent('commands', own))}`)
    }
    say(`suite: ratio of wall time to the workloads' own ${(wall / commands).toFixed(3)} (wanted: at most 1.15)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
