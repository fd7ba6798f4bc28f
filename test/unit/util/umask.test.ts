import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { RecordWriter } from '../../../src/core/records/record-file.ts'
import { OutputFile } from '../../../src/reporters/output-file.ts'
import { useUsualUmask, withUsersUmask, withUsualUmask } from '../../../src/util/umask.ts'
import { aPlan, aRecord } from '../core/judge/builders.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-umask-'))
afterAll(() => rmSync(folder, { recursive: true }))

const modeOf = (...path: string[]) => (statSync(join(folder, ...path)).mode & 0o777).toString(8)

/** Runs the work as in a run of a user with this umask. */
function measuring(umask: number, work: () => void): void {
  const before = process.umask(umask)
  try {
    using _umask = useUsualUmask()
    work()
    expect(process.umask()).toBe(0o022)
  } finally {
    expect(process.umask(before)).toBe(umask)
  }
}

it('is that of the user for records and reports of a run, and the usual one for the host', () => {
  const { environment } = aRecord()
  measuring(0o077, () => {
    const { file } = RecordWriter.start(join(folder, 'state', 'runs'), 'r', environment, aPlan(), [])
    new OutputFile(join(folder, 'reports', 'a.csv')).write('a')
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600')
    withUsualUmask(() => expect(withUsersUmask(() => process.umask())).toBe(0o077))
  })
  expect([modeOf('state'), modeOf('state', 'runs'), modeOf('reports')]).toEqual(['700', '700', '700'])
  expect(modeOf('reports', 'a.csv')).toBe('600')
  measuring(0o002, () => new OutputFile(join(folder, 'shared', 'a.csv')).write('a'))
  expect([modeOf('shared'), modeOf('shared', 'a.csv')]).toEqual(['775', '664'])
})

it('stays as it is if nothing is measured', () => {
  const before = process.umask(0o027)
  try {
    expect(withUsersUmask(() => process.umask())).toBe(0o027)
  } finally {
    process.umask(before)
  }
})
