/** A/A runs: native against two more native platforms. Nothing differs, so every run that fails is a false alarm. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Report, reportSchema } from '../../src/core/model/report.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { median } from '../../src/core/stats/index.ts'
import { formatClaim } from '../../src/reporters/format.ts'
import { countOption, type Measurement } from './measurement.ts'

const copies = ['native-2', 'native-3']
const config = `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [platform('native'), ${copies.map((name) => `platform('native', { name: '${name}' })`).join(', ')}],
})
`
/** Claims that can fail a run, with the smallest margin of the findings. */
const claims = `import { expect, finding } from 'isobench'
import { prime } from './compute/prime.bench.ts'
import { video } from './compute/video.bench.ts'
finding(28, 'native is native', [
  expect(prime.events).on('native-2', 'native-3').withinNative(5),
  expect(video.encoding).on('native-2', 'native-3').withinNative(5),
])
`

/** The share of the guests' CPUs that other processes used: the median of a run's samples. */
function otherProcessesShare(record: string): number {
  return median(readRecord(record).samples.map(({ load }) => load?.otherProcesses ?? 0))
}

const claimsWith = ({ claims }: Report, outcome: string) => claims.filter((claim) => claim.outcome === outcome)

/** Runs the compute benches on equal platforms and counts the runs that fail. Their names select video too. */
function runAll(root: string, runs: number, print: (line: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
  try {
    cpSync(join(root, 'benches/compute'), join(folder, 'benches/compute'), { recursive: true })
    writeFileSync(join(folder, 'benches/claims.bench.ts'), claims)
    writeFileSync(join(folder, 'isobench.config.ts'), config)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    let failures = 0
    for (let run = 1; run <= runs; run++) {
      const file = join(folder, 'report.json')
      const args = [
        join(root, 'bin/isobench.js'),
        'run',
        'video',
        'prime',
        'sha256',
        '--wait-for-lock',
        '--reporter',
        `json=${file}`,
      ]
      const { status, stderr } = spawnSync('node', args, { cwd: folder, encoding: 'utf8' })
      if (status !== 0 && status !== 1) throw new Error(`the run ended with ${status}: ${stderr}`)
      const report = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      failures += status
      const counts = ['holds', 'inconclusive', 'contradicted'].map(
        (outcome) => `${claimsWith(report, outcome).length} ${outcome}`,
      )
      const others = `other processes used ${(100 * otherProcessesShare(report.record)).toFixed(1)} % of the CPU`
      print(`aa: run ${run}: ${status === 0 ? 'passed' : 'FAILED'}: ${counts.join(', ')}; ${others}`)
      for (const claim of claimsWith(report, 'contradicted')) print(`aa:   ${formatClaim(claim)}`)
    }
    print(`aa: ${failures} of ${runs} runs of equal platforms failed (goal: 0)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const aa: Measurement = {
  description: 'false alarms of runs that compare native with native',
  options: { runs: 'how many runs; 10' },
  run: ({ root, options, print }) => runAll(root, countOption(options.runs, 10), print),
}
