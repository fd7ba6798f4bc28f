import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { measureProject } from '../../../../src/core/measure/measure-project.ts'
import { errorOf } from '../../../../src/core/model/record.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { command } from '../../../../src/tools/command.ts'
import { rememberBuiltins } from '../../../../src/util/builtins.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { type FakeBench, fakeRun } from '../../../support/fake-project.ts'

it('restores builtins after each workload that changes them, and names them in the error of the sample', async () => {
  rememberBuiltins()
  const bad: FakeBench = {
    run: async ({ guest }) => {
      JSON.stringify = () => 'x'
      return { time: (await guest.exec(command('echo'))).milliseconds }
    },
  }
  const options = fakeRun(fakeHost({ native: {}, runc: {} }), { bad, sound: {} }, { rounds: 2 })
  const file = join(options.project.root, 'a.bench.ts')
  writeFileSync(file, "\n\n  JSON.stringify = () => 'x'\n")
  try {
    const { samples } = readRecord((await measureProject(options)).record)
    const errors = (id: string) => new Set(samples.filter((one) => one.case === id).map(errorOf))
    const fix = 'restore it before the import or the workload ends, or change it in a child process'
    expect(errors('a.bench.ts#bad')).toEqual(
      new Set([`the workload changed JSON.stringify, which isobench uses, too: ${fix}`]),
    )
    const failed = samples.flatMap(({ outcome }) => (outcome.ok ? [] : outcome.location))
    expect(failed).toEqual(Array(failed.length).fill({ file, line: 3, column: 3 }))
    expect(failed.length).toBeGreaterThan(0)
    expect(errors('a.bench.ts#sound')).toEqual(new Set([undefined]))
  } finally {
    rmSync(options.project.root, { recursive: true })
  }
})
