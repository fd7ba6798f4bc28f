import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile } from '../../../../src/core/project/compile.ts'
import { thrownImportFix } from '../../../../src/core/project/import-fixes.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-imports-')))
afterAll(() => rmSync(root, { recursive: true }))

beforeAll(() => {
  const files = {
    'node_modules/closed/package.json': '{ "name": "closed", "exports": { "./open": "./open.js" } }',
    'node_modules/closed/open.js': '',
    'm.wasm': '',
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
})

describe('an import that cannot be compiled', () => {
  it.each([
    ['./missing.ts', 'correct the path, or create the file'],
    ['/missing.js', 'correct the path, or create the file'],
    ['no-such', 'correct the name, or install the package: npm install --save-dev no-such'],
    ['@scope/none/sub', 'correct the name, or install the package: npm install --save-dev @scope/none'],
    ['closed/shut', 'import a path of "exports" in the package.json of closed'],
    ['@/lib', 'correct the name, or add the alias to "paths" of tsconfig.json'],
    ['#lib', 'correct the name, or add it to "imports" of package.json'],
    ['./m.wasm', "read it: readFileSync(new URL('./m.wasm', import.meta.url)), or import it with { type: 'bytes' }"],
  ])('has a fix: %s', async (path, fix) => {
    writeFileSync(join(root, 'a.bench.ts'), `\nimport '${path}'\n`)
    const location = { file: join(root, 'a.bench.ts'), line: 2, column: 8 }
    expect(await compile(root, 'a.bench.ts')).toMatchObject({ ok: false, problems: [{ fix, location }] })
  })

  it.skipIf(!existsSync(bundlePath('index')))('is named without the files of isobench', async () => {
    writeFileSync(join(root, 'a.bench.ts'), "import 'isobench/tool'\n")
    expect(await compile(root, 'a.bench.ts')).toMatchObject({
      ok: false,
      problems: [{ message: 'isobench has no module "isobench/tool".', fix: 'did you mean "isobench/tools"?' }],
    })
  })
})

it('an import that Node.js refuses has a fix', async () => {
  const errorOf = (code: string): Promise<Error> => import(/* @vite-ignore */ code).then(Object, (error) => error)
  const { node } = process.versions
  expect(thrownImportFix(await errorOf('node:nope'))).toBe(`correct the name: Node.js ${node} has no such module`)
  expect(thrownImportFix(new ReferenceError('React is not defined'))).toContain('tsconfig.json')
  expect(thrownImportFix(new Error('React is not defined'))).toBeUndefined()
})
