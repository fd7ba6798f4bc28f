import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { compilerFiles } from '../../../../src/core/project/compiler-files.ts'

/** Writes files to a new folder with the project `own`, and returns the compiler files of `own/a/b.ts`. */
function found(files: Readonly<Record<string, string>>): string[] {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-unit-')))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ 'package.json': '{}', 'tsconfig.json': '{}', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  if (files['shared/package.json']) {
    mkdirSync(join(folder, 'own/node_modules'), { recursive: true })
    symlinkSync(join(folder, 'shared'), join(folder, 'own/node_modules/shared'))
  }
  const paths = compilerFiles(join(folder, 'own'), [
    join(folder, 'own/a/b.ts'),
    join(folder, 'own/node_modules/c/d.js'),
  ])
  return [...paths].map((path) => relative(folder, path)).sort()
}

const missing = ['own/a/jsconfig.json', 'own/a/package.json', 'own/a/tsconfig.json']

it('are those above the project, and those that do not exist in it', () => {
  expect(found({})).toEqual(
    [...missing, 'own/jsconfig.json', 'own/package.json', 'own/tsconfig.json', 'package.json', 'tsconfig.json'].sort(),
  )
})

it('are the nearest ones', () => {
  expect(found({ 'own/tsconfig.json': '{}', 'own/package.json': '{}' })).toEqual(
    [...missing, 'own/package.json', 'own/tsconfig.json'].sort(),
  )
})

it.each([
  ['a path', '"./base.json"', ['own/base.json']],
  ['a path without its ending', '"../base"', ['base.json']],
  ['several', '["./one.json", "./two.json"]', ['own/one.json', 'own/two.json']],
  ['itself', '"./tsconfig.json"', []],
  ['a file of a package', '"shared/strict"', ['shared/strict.json']],
  ['a package', '"shared"', ['shared/tsconfig.json']],
  ['a package that is not installed', '"absent"', []],
])('are also what a tsconfig.json extends: %s', (_, given, expected) => {
  const files = {
    'own/tsconfig.json': `// a comment\n{ "compilerOptions": { "strict": true, }, "extends": ${given}, }`,
    'own/package.json': '{}',
    'base.json': '{}',
    'shared/package.json': '{ "name": "shared" }',
    'shared/strict.json': '{}',
    'shared/tsconfig.json': '{}',
  }
  expect(found(files)).toEqual([...missing, 'own/package.json', 'own/tsconfig.json', ...expected].sort())
})
