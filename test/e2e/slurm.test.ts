/** examples/slurm on a real Slurm: a task is killed and requeued, and the merge job is the gate. */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect } from 'vitest'
import { readRecord } from '../../src/core/records/record-file.ts'
import { config, imports, Project, repository } from './support/cli.ts'
import { ensureImage } from './support/host.ts'
import { skip, testUnless } from './support/skip.ts'
import { missingPrograms, Slurm } from './support/slurm.ts'

const missing = missingPrograms().join(', ')

beforeAll(async () => {
  if (missing === '') await ensureImage()
})

const benchOf = (name: string) => `${imports}
const work = workload('${name}', {
  metrics: { time: lower('ms') },
  async run({ guest }) {
    return { time: Number((await guest.exec(command('echo', '100'))).stdout) }
  },
})
bench('${name}', work, { expect: { time: expect.withinNative(5) } })
`

const names = ['first', 'second', 'third']

testUnless(missing, 'program-missing', 'an array job with a killed task gives the verdicts of all', async (context) => {
  using project = Project.with({
    'isobench.config.ts': config('native', 'runc'),
    ...Object.fromEntries(names.map((name) => [`benches/${name}.bench.ts`, benchOf(name)])),
  })
  await using slurm = await Slurm.start()
  const results = project.path('results')
  const folder = join(results, 'records')
  const records = () => (existsSync(folder) ? readdirSync(folder) : []).map((name) => join(folder, name))
  const samplesIn = (file: string) => readFileSync(file, 'utf8').split('"type":"sample"').length - 1
  const env = { ISOBENCH: `${process.execPath} ${join(repository, 'bin/isobench.js')}`, RESULTS: results }
  const submit = [join(repository, 'examples/slurm/submit.sh'), '3', '--rounds', '5', '--seconds', '0.2']
  const submitted = await slurm.run(submit, project.root, env)
  const [, array, merge] = /array=(\d+) merge=(\d+)/.exec(submitted) ?? []

  // One task measures, and the others wait for the lock of the host.
  await slurm.until(async () => records().some((file) => samplesIn(file) >= 3), 'a task has measured something')
  const [killed] = records()
  const task = `${array}_${/shard-(\d)/.exec(killed!)![1]}`
  await slurm.run(['scancel', '--batch', '--signal=KILL', task])
  await slurm.until(async () => (await slurm.field(task, 'JobState')) === 'FAILED', `${task} has failed`)
  await slurm.run(['scontrol', 'requeue', task])
  // A requeued task would wait for two minutes. If it starts within the second of its end, slurmd refuses it.
  await sleep(1500)
  await slurm.run(['scontrol', 'update', `jobid=${task}`, 'StartTime=now'])
  await slurm.until(async () => (await slurm.field(merge!, 'JobState')) === 'COMPLETED', 'the merge has ended', 90)

  expect(await slurm.field(merge!, 'ExitCode')).toBe('0:0')
  expect(records()).toHaveLength(4)
  expect(readRecord(killed!).status).toBe('killed')
  const log = project.read(`isobench-merge-${merge}.log`)
  expect(log).toContain(`${killed} is left out`)
  expect(log).toContain('counts because it finished first')
  const all = readRecord(join(results, 'all.jsonl'))
  expect(all).toMatchObject({ status: 'finished', plan: { shard: { count: 3, indices: [1, 2, 3] }, excluded: [] } })
  expect(all.plan.cases.map(({ bench }) => bench).sort()).toEqual(
    names.map((name) => `benches/${name}.bench.ts#${name}`),
  )
  expect(project.read(`isobench-${task.replace('_', '-')}.log`)).toMatch(
    /shard \d\/3 {2}from Slurm: SLURM_ARRAY_TASK_ID/,
  )
  const judged = await project.isobench(['judge', 'results/all.jsonl', '--json'])
  if (judged.stdout.includes('"host-overloaded')) skip(context, 'busy-host', 'isobench decided nothing')
  const { claims } = JSON.parse(judged.stdout) as { claims: { outcome: string }[] }
  expect(claims.map(({ outcome }) => outcome)).toEqual(['holds', 'holds', 'holds'])

  // Without the shard's second record, only the killed one is left: its claim is not decided by fewer rounds.
  for (const file of records()) if (file !== killed && file.includes(/shard-\d/.exec(killed!)![0])) rmSync(file)
  const again = await slurm.run(['sh', join(repository, 'examples/slurm/merge.sh')], project.root, env).then(
    () => 0,
    ({ exitCode }: { exitCode: number }) => exitCode,
  )
  expect(again).toBe(3)

  // The killed task could not remove its guests.
  expect(await project.isobench(['clean'])).toMatchObject({ exitCode: 0 })
})
