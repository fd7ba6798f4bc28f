import { expect, it } from 'vitest'
import { isProjectFile } from '../../../../src/core/project/error-location.ts'
import { importProblem } from '../../../../src/core/project/import-default.ts'

it.each([
  ['/p/app/a.ts', true],
  ['/p/app/benches/a.ts', true],
  ['/p/app2/a.ts', false],
  ['/p/a.ts', false],
  ['/p/app/node_modules/x/a.js', false],
])('a file of the project /p/app: %s is %s', (file, own) => {
  expect(isProjectFile('/p/app', file)).toBe(own)
})

it('the problem of an import is at the innermost frame of the project itself', () => {
  const root = import.meta.dirname
  const file = import.meta.filename
  const error = new Error('no')
  error.stack = `Error: no
    at f (${root}/node_modules/x/a.js:1:1)
    at g (${root}2/b.ts:2:2)
    at helper (${root}/.isobench/build/a.mjs:2:2)
    at h (${file}:3:4)`
  expect(importProblem(error, root, 'a.ts').location).toEqual({ file, line: 3, column: 4 })
})

it.each([
  ['a text', 'it threw "a text"'],
  [undefined, 'it threw undefined'],
])('a module that throws no error: %j', (thrown, message) => {
  expect(importProblem(thrown, '/p/app', 'a.ts')).toEqual({ file: 'a.ts', message })
})
