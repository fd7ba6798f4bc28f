/** The wall time of the quick suite, and how much of it is the time of the workloads. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample } from '../../src/core/model/record.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import type { Measurement } from './measurement.ts'

/**
 * Divides the wall time of `isobench run` by the time of the workloads' commands: in guests, in the load generator, and
 * boots of boot workloads. Booting guests, starting servers and all else that isobench does is overhead.
 */
function runSuite(root: string, platforms: string, print: (line: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
  try {
    const file = join(folder, 'report.json')
    const args = ['run', '--platform', platforms, '--wait-for-lock', '--reporter', `json=${file}`]
    const started = performance.now()
    const { status, stderr } = spawnSync('node', [join(root, 'bin/isobench.js'), ...args], {
      cwd: root,
      encoding: 'utf8',
    })
    // 1 and 3: a claim is contradicted or inconclusive, which does not matter here.
    if (![0, 1, 3].includes(status ?? -1)) throw new Error(`the run ended with ${status}: ${stderr}`)
    const wall = performance.now() - started
    const { record } = JSON.parse(readFileSync(file, 'utf8')) as { record: string }
    const samples: readonly Sample[] = readRecord(record).samples
    const spent = (what: 'commands' | 'servers' | 'boots', of = samples) =>
      of.reduce((sum, sample) => sum + (sample.timeBreakdown?.[what] ?? 0), 0)
    const inSamples = samples.reduce((sum, { wallMs }) => sum + wallMs, 0)
    const commands = spent('commands')
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
    const between = inSamples - commands - spent('servers') - spent('boots')
    const failed = samples.filter(({ outcome }) => !outcome.ok).length
    print(
      `suite: quick on ${platforms}: ${seconds(wall)} of wall time, ` +
        `${samples.length} samples (${failed} failed), load ${loadavg()[0]!.toFixed(1)}`,
    )
    print(
      `suite: commands of workloads ${seconds(commands)}, ` +
        `boots of guests ${seconds(spent('boots'))}, servers ${seconds(spent('servers'))}, ` +
        `rest of the samples ${seconds(between)}, outside of samples ${seconds(wall - inSamples)}`,
    )
    const cases = [...new Set(samples.map((sample) => sample.case))]
    for (const id of cases) {
      const own = samples.filter((sample) => sample.case === id)
      const all = own.reduce((sum, { wallMs }) => sum + wallMs, 0)
      print(`suite:   ${id}: ${seconds(all)}, of which commands ${seconds(spent('commands', own))}`)
    }
    print(`suite: ratio of wall time to the workloads' own ${(wall / commands).toFixed(3)} (goal: at most 1.15)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const suite: Measurement = {
  description: 'wall time of the quick suite over the time of its workloads',
  options: { platform: 'names of the config; native,runc,crun,gvisor,lxc,docker' },
  run: ({ root, options, print }) => runSuite(root, options.platform ?? 'native,runc,crun,gvisor,lxc,docker', print),
}
