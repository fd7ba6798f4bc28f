import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { measureProject } from '../../../../src/core/measure/measure-project.ts'
import { errorOf, valuesOf } from '../../../../src/core/model/record.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { lower } from '../../../../src/dsl/metric.ts'
import { type Workload, workload } from '../../../../src/dsl/workload.ts'
import { command } from '../../../../src/tools/command.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { fakeRun } from '../../../support/fake-project.ts'

/** Runs a workload with prepare and cleanup in two rounds. It fails in the second. */
async function measured() {
  const host = fakeHost({ native: {} })
  const steps: string[] = []
  let rounds = 0
  const work = workload('one', {
    metrics: { time: lower('ms') },
    async prepare({ guest, client }) {
      await guest.exec(command('prepare'))
      await client.exec(command('prepare'))
      steps.push('prepare')
      return ++rounds
    },
    async run({ prepared }) {
      steps.push(`run ${prepared}`)
      if (prepared === 2) throw new Error('no luck')
      return { time: prepared }
    },
    async cleanup({ guest, prepared }) {
      await guest.exec(command('cleanup'))
      steps.push(`cleanup ${prepared}`)
    },
  })
  const workloads = new Map([['a.bench.ts#one', work as unknown as Workload]])
  const options = fakeRun(host, { one: {} }, { workloads })
  const { record } = await measureProject(options)
  const { samples } = readRecord(record)
  rmSync(options.project.root, { recursive: true })
  return { steps, samples }
}

it('prepare and cleanup surround run in every sample, and their commands are not part of its times', async () => {
  const { steps, samples } = await measured()
  expect(steps).toEqual(['prepare', 'run 1', 'cleanup 1', 'prepare', 'run 2', 'cleanup 2'])
  expect(samples.map((sample) => [valuesOf(sample), errorOf(sample)])).toEqual([
    [{ time: 1 }, undefined],
    [undefined, 'no luck'],
  ])
  expect(samples[0]!.timeBreakdown).toMatchObject({ commands: 0, servers: 0 })
  expect(samples[0]!.client).toBeUndefined()
})
