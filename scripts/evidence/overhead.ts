import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRecord } from '../../src/core/records/record-file.ts'
import type { Measurement } from './measurement.ts'

/** Divides the wall time of a run by the sum of the times of its samples. */
export const overhead: Measurement = {
  description: 'wall time of a run over the time of its samples',
  options: {},
  run({ root, print }) {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-evidence-'))
    try {
      const file = join(folder, 'report.json')
      const filters = ['prime', 'copy', 'throughput', 'boot']
      const options = ['--platform', 'native,runc,gvisor', '--rounds', '5', '--wait-for-lock']
      const args = [join(root, 'bin/isobench.js'), 'run', ...filters, ...options, '--reporter', `json=${file}`]
      const started = performance.now()
      const { status, stderr } = spawnSync('node', args, { cwd: root, encoding: 'utf8' })
      if (status !== 0 && status !== 1) throw new Error(`the run ended with ${status}: ${stderr}`)
      const wallMs = performance.now() - started
      const { record } = JSON.parse(readFileSync(file, 'utf8')) as { record: string }
      const samplesMs = readRecord(record).samples.reduce((sum, sample) => sum + sample.wallMs, 0)
      print(
        `overhead: ${(wallMs / 1000).toFixed(1)} s of wall time for ${(samplesMs / 1000).toFixed(1)} s of samples: ` +
          `${(wallMs / samplesMs).toFixed(3)} (goal: at most 1.15)`,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
