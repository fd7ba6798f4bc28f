import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { CampaignCounter, type CampaignRow } from './outcome.ts'

/** Creates and removes journaled folders and appends samples until it is killed. Prints a dot for each sample. */
const writerCode = `
import { mkdirSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { folderOf, readRecord, RecordWriter } from './src/core/records/record-file.ts'
import { removeResource } from './src/host/cleanup.ts'
import { CleanupJournal } from './src/host/journal.ts'
const [root, name, from] = process.argv.slice(2)
process.env.ISOBENCH_STATE = root
const { environment, plan, samples } = readRecord(from)
const journal = CleanupJournal.start(name, removeResource)
const writer = RecordWriter.start(folderOf(root), name, environment, plan, [])
for (let round = 0; ; round++) {
  const path = join(root, 'guests', name + '-' + round)
  const made = await journal.create({ kind: 'directory', path }, () => {
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'data'), 'x'.repeat(9999))
  })
  writer.sample({ ...samples[0], round, warmup: false })
  writeSync(1, '.')
  if (round % 3 > 0) await made[Symbol.asyncDispose]()
}
`

async function compileWriter(checkout: string, to: string): Promise<void> {
  await build({
    stdin: { contents: writerCode, resolveDir: checkout, loader: 'ts' },
    outfile: to,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/')` },
    logLevel: 'silent',
  })
}

/**
 * Kills processes that write a journal and a record at random times, and cleans twice at once while another process
 * starts. Needs no root: the journaled resources are folders.
 */
export async function killWriters(
  checkout: string,
  record: string,
  kills: number,
  random: () => number,
): Promise<CampaignRow> {
  const counter = new CampaignCounter('SIGKILL of a process with a journal and a record, then isobench clean')
  const root = mkdtempSync(join(tmpdir(), 'isobench-campaign-'))
  // Set within the processes, because the end-to-end tests look into the state folders of all environments.
  const cleaner = `process.env.ISOBENCH_STATE = ${JSON.stringify(root)}
await import(${JSON.stringify(join(checkout, 'bin/isobench.js'))})
`
  const start = (name: string) =>
    spawn(process.execPath, [join(root, 'writer.mjs'), root, name, record], { stdio: ['ignore', 'pipe', 'inherit'] })
  const clean = async () => {
    const child = spawn(process.execPath, [join(root, 'clean.mjs'), 'clean'], { stdio: 'ignore' })
    return ((await once(child, 'exit')) as [number | null])[0]
  }
  try {
    await compileWriter(checkout, join(root, 'writer.mjs'))
    writeFileSync(join(root, 'clean.mjs'), cleaner)
    mkdirSync(join(root, 'guests'))
    let next = start('run-0')
    for (let at = 0; at < kills; at++) {
      const writer = next
      let reported = 0
      writer.stdout.on('data', (bytes: Buffer) => {
        reported += bytes.length
      })
      const wanted = Math.floor(random() * 40)
      while (reported <= wanted && writer.exitCode === null) await once(writer.stdout, 'data')
      writer.kill('SIGKILL')
      await once(writer, 'close')
      // The next one starts while two users clean.
      next = start(`run-${at + 1}`)
      const codes = await Promise.all([clean(), clean()])
      const runs = join(root, '.isobench/runs')
      const file = readdirSync(runs).find((name) => name.endsWith(`-run-${at}.jsonl`))
      const stored = file === undefined ? 0 : readRecord(join(runs, file)).samples.length
      const left = ['guests', 'journals'].flatMap((folder) =>
        readdirSync(join(root, folder)).filter((name) => new RegExp(`^run-${at}[-.]`).test(name)),
      )
      // A clean must not remove the journal of the living process.
      await Promise.race([once(next.stdout, 'data'), once(next, 'exit')])
      const isTaken = next.exitCode !== null || !existsSync(join(root, `journals/run-${at + 1}.jsonl`))
      const failed = codes.filter((code) => code !== 0).length
      counter.count(`after ${wanted} samples: ${left.join(', ')}; clean: ${codes.join(' and ')}`, {
        lost: Math.max(0, reported - stored) + (isTaken ? 1 : 0),
        left: left.length + failed,
      })
    }
    next.kill('SIGKILL')
    await once(next, 'close')
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return counter.row
}
