import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { describeFailure, failureAnnotations } from '../../../src/commands/errors.ts'
import { ReportFileError } from '../../../src/core/model/report-file-error.ts'
import { ProjectError } from '../../../src/core/model/suite.ts'
import { ProjectCodeError } from '../../../src/core/project/project-code-error.ts'
import { HostError, InterruptedError, UncertainError, UsageError } from '../../../src/util/errors.ts'
import { launchFolder } from '../../../src/util/files.ts'

/** Fails in a block and in its clean-up, as the bundle throws it. */
async function failTwice(first: Error): Promise<unknown> {
  try {
    await using _resource = {
      [Symbol.asyncDispose]: () => Promise.reject(new HostError('/mnt/x still has mounts.', 'unmount them')),
    }
    throw first
  } catch (error) {
    return error
  }
}

const later = 'error  /mnt/x still has mounts. (ISOBENCH_HOST)\n       fix: unmount them\n'

it('names the error of a command before that of its clean-up', async () => {
  const error = await failTwice(new UsageError('no release is named.', 'name one'))
  expect(describeFailure(error, false)).toEqual({
    text: `error  no release is named. (ISOBENCH_USAGE)\n       fix: name one\n${later}`,
    exitCode: 5,
  })
})

it('does not state that all is released if the clean-up failed', async () => {
  const error = await failTwice(new InterruptedError('interrupted'))
  expect(describeFailure(error, false)).toEqual({ text: `interrupted.\n${later}`, exitCode: 130 })
})

it('names a file of the project from the current folder', () => {
  const text = (root: string) =>
    describeFailure(new ProjectError([{ file: 'x.ts', message: 'no list.' }], root), false).text
  expect(text(join(launchFolder!, 'benches'))).toBe('error  benches/x.ts  no list.\n')
  expect(text(dirname(launchFolder!))).toBe('error  ../x.ts  no list.\n')
})

it('exits with 3 if values decide nothing', () => {
  expect(describeFailure(new UncertainError('no verdict.', 'stop other processes'), false)).toEqual({
    text: 'error  no verdict. (ISOBENCH_UNCERTAIN)\n       fix: stop other processes\n',
    exitCode: 3,
  })
})

it('names the line of the code of the project that failed, also of a reporter that has left no file', () => {
  const location = { file: '/p/rep.ts', line: 3, column: 5 }
  const cause = new ProjectCodeError('onFinish() of the reporter "./rep.ts" failed: no', 'correct it', location)
  const why = 'out is missing, because it failed'
  const file = new ReportFileError(why, 'write it again', 'ISOBENCH_WRITE', { cause })
  expect(describeFailure(cause, false)).toEqual({
    text: expect.stringMatching(/p\/rep\.ts:3:5 {2}onFinish\(\) of the reporter .* failed: no\n {7}fix: correct it\n$/),
    exitCode: 5,
  })
  expect(describeFailure(file, false).text).toMatch(
    /p\/rep\.ts:3:5 {2}out is missing, because it failed\n {7}fix: write it again\n$/,
  )
  expect(failureAnnotations(cause)).toMatch(/^::error file=.*rep\.ts,line=3,/)
})

it('annotates errors for GitHub, at the line of the project if they have one', async () => {
  const problem = { file: 'benches/a.bench.ts', message: 'no metric "time".', fix: 'use 50 %' }
  const location = { file: '/repository/lab/benches/a.bench.ts', line: 12, column: 3 }
  const text = failureAnnotations(new ProjectError([{ ...problem, location }, problem], '/repository/lab'))
  expect(text).toBe(
    '::error file=/repository/lab/benches/a.bench.ts,line=12,title=isobench cannot run::no metric "time". ' +
      'fix: use 50 %25\n' +
      '::error file=benches/a.bench.ts,title=isobench cannot run::no metric "time". fix: use 50 %25\n',
  )
  expect(
    failureAnnotations(new ProjectError(Array(30).fill(problem), '/repository')).match(/^::error /gm),
  ).toHaveLength(10)
  const both = await failTwice(new UsageError('no release is named.', 'name one'))
  expect(failureAnnotations(both)).toBe(
    '::error title=isobench cannot run::no release is named. fix: name one\n' +
      '::error title=isobench cannot run::/mnt/x still has mounts. fix: unmount them\n',
  )
  expect(failureAnnotations(new InterruptedError('interrupted'))).toBe('')
})
