import { basename } from 'node:path'
import { expect, it } from 'vitest'
import { CleanupProblems } from '../../../../src/core/measure/cleanup-problems.ts'
import type { Problem } from '../../../../src/core/model/suite.ts'
import { CleanupError } from '../../../../src/host/journal.ts'

const project = { root: import.meta.dirname, configFile: import.meta.filename }
const failure = (description: string) =>
  new CleanupError(description, new Error('exit 1'), `Error: x\n    at boot (${import.meta.url}:12:5)`)

it('reports each failed clean-up once, because each guest of a platform fails in the same way', () => {
  const reported: Problem[] = []
  const cleanup = new CleanupProblems(project, (problem) => reported.push(problem))
  cleanup.add(failure('a pod'))
  cleanup.add(failure('a pod'))
  cleanup.add(failure('a volume'))
  expect(reported).toEqual(cleanup.problems)
  expect(reported).toMatchObject([
    {
      file: basename(import.meta.filename),
      message: 'the command of onCleanup() that removes a pod failed: exit 1. isobench clean runs it again',
      location: { file: import.meta.filename, line: 12, column: 5 },
    },
    { message: expect.stringContaining('removes a volume failed') },
  ])
})

it('finds the problem of the driver of a platform', () => {
  const cleanup = new CleanupProblems(project)
  cleanup.add(failure('a pod (the driver of "mine-2")'))
  expect(cleanup.ofPlatform('mine')).toBeUndefined()
  expect(cleanup.ofPlatform('mine-2')).toBe(cleanup.problems[0])
})

it('reports to another receiver what comes later', () => {
  const later: string[] = []
  const cleanup = new CleanupProblems(project)
  cleanup.add(failure('a pod'))
  cleanup.reportTo(({ message }) => later.push(message))
  cleanup.add(failure('a pod'))
  cleanup.add(failure('a volume'))
  expect(later).toEqual([expect.stringContaining('removes a volume failed')])
})
