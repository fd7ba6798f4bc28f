/** A/A runs: native against two more natives. Nothing differs, so a run that fails has failed falsely. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Report, reportSchema } from '../../src/core/model/report.ts'
import { median } from '../../src/core/stats/index.ts'

const twins = ['twin-a', 'twin-b']
const config = `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [platform('native'), ${twins.map((name) => `platform('native', { name: '${name}' })`).join(', ')}],
})
`
/** Every bench of the suite, with a margin that gates, as fine as the findings have. */
const claims = `import { expect, finding } from 'isobench'
import { prime } from './compute/prime.bench.ts'
import { video } from './compute/video.bench.ts'
finding(28, 'native is native', [
  expect(prime.events).on('twin-a', 'twin-b').withinNative(5),
  expect(video.encoding).on('twin-a', 'twin-b').withinNative(5),
])
`

/** How much of the guests' CPUs others had, at the median of a run's samples. */
function foreignShare(record: string): number {
  const shares = readFileSync(record, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"type":"sample"'))
    .map((line) => (JSON.parse(line) as { sample: { load?: { foreign?: number } } }).sample.load?.foreign ?? 0)
  return median(shares)
}

const told = ({ claims }: Report, verdict: string) => claims.filter((claim) => claim.verdict === verdict)

/** Runs the whole compute suite (by name: video is slow, and else left out of `quick`) on equal platforms so many times, and counts the runs that fail. */
export function aa(root: string, runs: number, say: (text: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-self-'))
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
        (verdict) => `${told(report, verdict).length} ${verdict}`,
      )
      const others = `others had ${(100 * foreignShare(report.record)).toFixed(1)} % of the CPU`
      say(`aa: run ${run}: ${status === 0 ? 'passed' : 'FAILED'}: ${counts.join(', ')}; ${others}`)
      for (const { text } of told(report, 'contradicted')) say(`aa:   ${text}`)
    }
    say(`aa: ${failures} of ${runs} runs of equal platforms failed (wanted: 0)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
