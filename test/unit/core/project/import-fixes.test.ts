import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
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

const { node } = process.versions

it.each([
  ['node:nope', `correct the name: Node.js ${node} has no such module`],
  ['https://example.org/x.js', 'import a file of the project or an installed package instead of an address'],
  ['no-such-package', 'correct the name, or install the package: npm install --save-dev no-such-package'],
  ['/no/such/file.mjs', 'correct the path, or create the file'],
])('an import that Node.js refuses has a fix: %s', async (path, fix) => {
  const url = path.startsWith('/') ? pathToFileURL(path).href : path
  // Vitest would resolve it itself.
  const print = '({ code, message }) => console.log(JSON.stringify({ code, message }))'
  const script = `import(${JSON.stringify(url)}).catch(${print})`
  const { code, message } = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }))
  expect(thrownImportFix(Object.assign(new Error(message), { code }))).toMatchObject({ fix })
})

it('an error of a module that Node.js does not find is without the paths of isobench', () => {
  const thrown = (message: string, code: string) => thrownImportFix(Object.assign(new Error(message), { code })).message
  const bundle = '/p/.isobench/build/a.mjs'
  expect(thrown(`Cannot find module '/p/x.js' imported from ${bundle}`, 'ERR_MODULE_NOT_FOUND')).toBe(
    "Cannot find module '/p/x.js'",
  )
  expect(thrown("Cannot find module './x'\nRequire stack:\n- /p/a.ts", 'MODULE_NOT_FOUND')).toBe(
    "Cannot find module './x'",
  )
})

it('JSX without React has a fix', () => {
  expect(thrownImportFix(new ReferenceError('React is not defined')).fix).toContain('tsconfig.json')
  expect(thrownImportFix(new Error('React is not defined'))).toEqual({})
})

it.each(['chdir', 'umask', 'abort', 'setuid', 'initgroups'])('process.%s() in a worker has a fix', (name) => {
  const text = name === 'umask' ? 'Setting process.umask() is' : `process.${name}() is`
  const error = new TypeError(`${text} not supported in workers`)
  const { message, fix } = thrownImportFix(Object.assign(error, { code: 'ERR_WORKER_UNSUPPORTED_OPERATION' }))
  expect(message).toContain(`process.${name}()`)
  expect(fix).toBeTruthy()
})
