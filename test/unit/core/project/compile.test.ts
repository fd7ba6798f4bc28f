import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { type Compiled, compile, compileAll, compileForGuest } from '../../../../src/core/project/compile.ts'
import { definitionDetails } from '../../../../src/core/project/definition-details.ts'
import { benchDigest } from '../../../../src/core/project/work-digest.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

function project(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-unit-')))
  roots.push(root)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

async function compiled(files: Readonly<Record<string, string>>, root = project(files)): Promise<Compiled> {
  const result = await compile(root, 'a.bench.ts')
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.compiled
}

const digest = async (text: string, root = project({ 'a.bench.ts': text })) =>
  (await compiled({ 'a.bench.ts': text }, root)).digest

async function exported(files: Readonly<Record<string, string>>): Promise<unknown> {
  const { output } = await compiled(files)
  return ((await import(pathToFileURL(output).href)) as { default: unknown }).default
}

describe('a file with a star in its name', () => {
  const decorated = {
    'tsconfig.json': '{ "compilerOptions": { "experimentalDecorators": true } }',
    'b/c*.bench.ts':
      'let given = 0\nconst count = (...args: unknown[]) => void (given = args.length)\n' +
      'class Noted { @count add() {} }\nexport default given',
  }

  it('is compiled with the tsconfig.json above it', async () => {
    const result = await compile(project(decorated), 'b/c*.bench.ts')
    const { output } = result.ok ? result.compiled : { output: '' }
    expect(await import(pathToFileURL(output).href)).toMatchObject({ default: 3 })
  })

  it('is bundled for a guest with the tsconfig.json above it', async () => {
    expect(await compileForGuest(project(decorated), 'b/c*.bench.ts')).toContain('__decorateClass([')
  })

  it('is compiled alone, and not as a pattern of other files', async () => {
    const root = project({ '*.bench.ts': 'export default 1', 'b.bench.ts': 'export default 2' })
    const results = await compileAll(root, ['*.bench.ts', 'b.bench.ts'])
    const values = results.map(async (result) =>
      result.ok ? ((await import(pathToFileURL(result.compiled.output).href)) as { default: number }).default : result,
    )
    expect(await Promise.all(values)).toEqual([1, 2])
    expect(results.flatMap((one) => (one.ok ? one.compiled.inputs : []))).toEqual([
      join(root, '*.bench.ts'),
      join(root, 'b.bench.ts'),
    ])
  })
})

// Root may write to every folder.
it.skipIf(process.getuid?.() === 0)('says that the project cannot be written, and what to do', async () => {
  const root = project({ 'a.bench.ts': '' })
  chmodSync(root, 0o555)
  const compiling = compile(root, 'a.bench.ts').finally(() => chmodSync(root, 0o755))
  await expect(compiling).rejects.toMatchObject({
    code: 'ISOBENCH_WRITE',
    message: `the project's folder ${root} cannot be written: this user has no permission`,
    fix: expect.stringContaining(join(root, '.isobench')),
  })
})

describe('the digest of a bench file', () => {
  it('is that of the texts that it carries, also of those that look like comments or paths', async () => {
    const script = (line: string) => `export default \`#!/bin/sh\n${line}\n// end\n\``
    expect(await digest(script('// threads=1'))).not.toBe(await digest(script('// threads=4')))
    expect(await digest(script('// threads=1'))).not.toBe(await digest(script('')))
    expect(await digest(script('// benches/a.bench.ts'))).not.toBe(await digest(script('')))
    const root = project({ 'a.bench.ts': '' })
    const path = async (text: string) => {
      writeFileSync(join(root, 'a.bench.ts'), `export default ${JSON.stringify(text)}`)
      return digest('', root)
    }
    expect(await path(`${root}/data`)).not.toBe(await path('/data'))
  })

  it('is the same with other comments and white space', async () => {
    const plain = 'export default { a: 1, b: "// text" }\n'
    expect(await digest('// a comment\nexport default {\n  a: 1, /* one */\n  b: "// text",\n}\n')).toBe(
      await digest(plain),
    )
  })

  it('is the same in every folder, also if the file uses its own path', async () => {
    const text =
      'export default [import.meta.url, import.meta.dirname, __filename, import.meta.resolve("./x"), require.resolve]\n'
    expect(await digest(text)).toBe(await digest(text))
  })
})

describe('a module of a bundle', () => {
  it('is imported for its side effects, whatever its package.json says of them', async () => {
    const side = '(globalThis as { sideEffect?: string }).sideEffect = "kept"\n'
    const files = {
      'a.bench.ts': "import './lib/side.ts'\nexport default (globalThis as { sideEffect?: string }).sideEffect\n",
      'lib/side.ts': side,
      'lib/package.json': '{ "sideEffects": false }',
    }
    expect(await exported(files)).toBe('kept')
  })

  it('gets what a package exports to Node.js, and not what it exports to bundlers', async () => {
    const conditions = { module: './module.mjs', browser: './module.mjs', development: './module.mjs' }
    const files = {
      'a.bench.ts': "export { default } from 'both'\n",
      'node_modules/both/package.json': JSON.stringify({
        name: 'both',
        exports: { ...conditions, default: './node.mjs' },
      }),
      'node_modules/both/module.mjs': "export default 'module'\n",
      'node_modules/both/node.mjs': "export default 'node'\n",
    }
    expect(await exported(files)).toBe('node')
  })

  it('resolves other modules from its own place', async () => {
    const files = {
      'a.bench.ts': [
        "import inner from './lib/inner.cjs'",
        "export default [import.meta.resolve('./x.txt'), import.meta.resolve('node:fs'), inner]",
      ].join('\n'),
      'lib/inner.cjs': "module.exports = require(require.resolve('./data' + '.json')).value",
      'lib/data.json': '{ "value": 7 }',
    }
    const root = project(files)
    const { output } = await compiled(files, root)
    const { default: value } = (await import(pathToFileURL(output).href)) as { default: unknown }
    expect(value).toEqual([pathToFileURL(join(root, 'x.txt')).href, 'node:fs', 7])
  })

  it('has its own place in import.meta as a whole, too', async () => {
    const text = [
      'const { dirname, url } = import.meta',
      'const meta = import.meta',
      "const own = [dirname, url, meta.filename, meta.resolve('./x.txt'), meta.resolve('node:fs'), 'import.meta']",
      'export default [...own, import.meta.url === meta.url, typeof (meta as { env?: object }).env]',
    ]
    const files = { 'a.bench.ts': "export { default } from './lib/inner.ts'\n", 'lib/inner.ts': text.join('\n') }
    const root = project(files)
    const { output } = await compiled(files, root)
    const { default: value } = (await import(pathToFileURL(output).href)) as { default: unknown }
    const lib = join(root, 'lib')
    const [file, other] = [join(lib, 'inner.ts'), join(lib, 'x.txt')]
    const urls = [file, other].map((path) => pathToFileURL(path).href)
    expect(value).toEqual([lib, urls[0], file, urls[1], 'node:fs', 'import.meta', true, 'undefined'])
  })

  it('imports a computed path from its own place, as Node does', async () => {
    const files = {
      'a.bench.ts': "import * as deep from './lib/deep/inner.ts'\nexport default await deep.all()\n",
      'lib/deep/inner.ts': [
        "import required from './required.cjs'",
        "const name: string = ['.', 'x.mjs'].join('/')",
        'const absolute = import.meta.dirname + "/x.mjs"',
        "const json = './data.json'",
        'const valueOf = async (path: string | URL) => ((await import(path as string)) as { value: number }).value',
        '// import(name) in a comment',
        'export const all = async () => [',
        '  await valueOf(name), await valueOf(absolute), await valueOf(new URL(name, import.meta.url)),',
        "  (await import(json, { with: { type: 'json' } })).default.value, required, 'import(name)',",
        "  (await import(['node', 'path'].join(':'))).sep,",
        ']',
      ].join('\n'),
      'lib/deep/x.mjs': 'export const value = 1\n',
      'lib/deep/required.cjs': "const name = './data'\nmodule.exports = require(name).value\n",
      'lib/deep/data.json': '{ "value": 7 }',
    }
    expect(await exported(files)).toEqual([1, 1, 1, 7, 7, 'import(name)', '/'])
  })

  it('compiles the constant paths of a condition, and resolves the computed ones', async () => {
    const files = {
      'a.bench.ts': [
        "import { readers } from './lib/readers.mjs'",
        'export default await readers(true).then(async (one) => [...one, ...(await readers(false))])',
      ].join('\n'),
      'lib/readers.mjs': [
        'const name = ["./plain", "mjs"].join(".")',
        'export const readers = async (first) => [',
        "  (await import(first ? './one.ts' : './two.ts')).value,",
        "  (await import(first ? './one.ts' : name)).value,",
        ']',
      ].join('\n'),
      'lib/one.ts': 'export const value: number = 1\n',
      'lib/two.ts': 'export const value: number = 2\n',
      'lib/plain.mjs': 'export const value = 3\n',
    }
    const root = project(files)
    const { output, inputs } = await compiled({}, root)
    expect(inputs).toEqual(expect.arrayContaining([join(root, 'lib/one.ts'), join(root, 'lib/two.ts')]))
    expect(((await import(pathToFileURL(output).href)) as { default: unknown }).default).toEqual([1, 1, 2, 3])
  })

  it('resolves a computed require within a computed import', async () => {
    const files = {
      'a.bench.ts': "import value from './lib/outer.cjs'\nexport default await value\n",
      'lib/outer.cjs': [
        "const name = './names.cjs'",
        'module.exports = import(require(name).path).then(({ value }) => value)',
      ].join('\n'),
      'lib/names.cjs': "exports.path = './x.mjs'\n",
      'lib/x.mjs': 'export const value = 1\n',
    }
    expect(await exported(files)).toBe(1)
  })

  it('compiles TypeScript of a computed path with a folder, and explains how if it has none', async () => {
    const files = (path: string) => ({
      'a.bench.ts': `const name: string = 'x'\nexport default (await import(${path})).value\n`,
      'lib/x.ts': 'export const value: number = 1\n',
    })
    expect(await exported(files("'./lib/' + name + '.ts'"))).toBe(1)
    // As Node.js before 22.18 refuses it. Vitest itself imports TypeScript.
    const code = 'ERR_UNKNOWN_FILE_EXTENSION'
    const refused = (extension: string) =>
      Object.assign(new TypeError(`Unknown file extension "${extension}" for /p/lib/x${extension}`), { code })
    for (const extension of ['.ts', '.mts', '.tsx'])
      expect(definitionDetails(refused(extension), 'a.bench.ts').fix).toMatch(
        /^begin the path.*\. Write the file of a Worker/,
      )
    expect(definitionDetails(refused('.txt'), 'a.bench.ts')).toEqual({})
  })

  it('keeps a require that it has made itself', async () => {
    const files = {
      'a.bench.ts': [
        "import { createRequire } from 'node:module'",
        "const require = createRequire(new URL('./lib/', import.meta.url))",
        "const name = './data.json'",
        'export default require(name).value',
      ].join('\n'),
      'lib/data.json': '{ "value": 7 }',
    }
    expect(await exported(files)).toBe(7)
  })

  it('has the modules of such a require, and what they import, in its digest and inputs', async () => {
    const call = (made: string, use: string) => `const load: any = ${made}\nexport default ${use}`
    const codes = [
      call('createRequire(import.meta.url)', "load('./lib/c.cjs')"),
      call('create(import.meta.filename)', 'load(`./lib/c.cjs`)'),
      call('1', "module.createRequire(new URL('./lib/', import.meta.url))('./c.cjs')"),
    ]
    for (const code of codes) {
      const imports =
        "import { createRequire, createRequire as create } from 'node:module'\nimport * as module from 'module'\n"
      const files = { 'a.bench.ts': imports + code, 'lib/c.cjs': "module.exports = require('./d.cjs')" }
      const root = project(files)
      const of = async (value: number) => {
        writeFileSync(join(root, 'lib/d.cjs'), `module.exports = ${value}`)
        const { digest, inputs } = await compiled({}, root)
        expect(inputs).toEqual(['a.bench.ts', 'lib/c.cjs', 'lib/d.cjs'].map((name) => join(root, name)))
        return digest
      }
      expect(await of(1)).toBe(await of(1))
      expect(await of(2)).not.toBe(await of(1))
    }
  })

  it('reports errors after a computed import at their line', async () => {
    const text =
      "const name: string = 'node:fs'\nexport default import(name)\n\nexport type X = 1\nthrow new Error('x')\n"
    const root = project({ 'a.bench.ts': text })
    process.setSourceMapsEnabled(true)
    const { output } = await compiled({}, root)
    const error = await import(pathToFileURL(output).href).catch((thrown: Error) => thrown)
    expect(String(error.stack)).toContain(`${join(root, 'a.bench.ts')}:5:7`)
  })

  it('has the text of a module that it imports as text, unchanged', async () => {
    const text = '// a comment\nexport default [__dirname, import.meta.url, await import(name)] // end\n'
    const files = (type: string) => ({
      'a.bench.ts': `import text from './script.${type}' with { type: 'text' }\nexport default text`,
      [`script.${type}`]: text,
    })
    for (const type of ['js', 'ts', 'mjs', 'txt']) expect(await exported(files(type)), type).toBe(text)
  })

  it('has another digest with another comment in a module that it imports as text', async () => {
    const of = async (comment: string, attributes: string) => {
      const files = {
        'a.bench.ts': `import text from './guest.js'${attributes}\nexport default text`,
        'guest.js': `#!/usr/bin/env node\n// threads=${comment}\nexport default 1\n`,
      }
      const root = project(files)
      return benchDigest(await compiled(files, root), root)
    }
    const asText = " with { type: 'text' }"
    expect(await of('1', asText)).not.toBe(await of('4', asText))
    expect(await of('1', '')).toBe(await of('4', ''))
    expect(await of('1', '')).not.toBe(await of('1', asText))
    expect(await of('1', asText)).not.toBe(await of('1', " with { type: 'bytes' }"))
  })

  it('loads a native addon from where it is', async () => {
    const files = {
      'a.bench.ts': "import error from 'addon'\nexport default error\n",
      'node_modules/addon/index.js': "try { require('./build/x.node') } catch (error) { module.exports = error.code }",
      'node_modules/addon/build/x.node': 'no library',
    }
    expect(await exported(files)).toBe('ERR_DLOPEN_FAILED')
  })

  it('keeps the warnings of the bundler with their places', async () => {
    const files = { 'a.bench.ts': "import './b.ts'\n", 'b.ts': 'export const o = { a: 1, a: 2 }\n' }
    const root = project(files)
    expect((await compiled(files, root)).warnings).toMatchObject([
      { message: 'Duplicate key "a" in object literal', location: { file: join(root, 'b.ts'), line: 1, column: 26 } },
    ])
  })
})

describe('the bytes of a bench file', () => {
  const text = "// Größe\nexport default 'é'\n"
  const write = (bytes: Buffer | string) => {
    const root = project({})
    writeFileSync(join(root, 'a.bench.ts'), bytes)
    return root
  }

  it.each([
    ['with a byte order mark', `\ufeff${text}`],
    ['with Windows line ends', text.replaceAll('\n', '\r\n')],
    ['of old Mac line ends', text.replaceAll('\n', '\r')],
    ['of 5 MiB', `${text}${'// '.padEnd(80, '.')}\n`.padEnd(5 * 1024 * 1024, `${'/'.repeat(79)}\n`)],
  ])('are read if they are UTF-8: %s', async (_, bytes) => {
    const root = write(bytes)
    const { output, warnings } = await compiled({}, root)
    expect(warnings).toEqual([])
    expect(await import(pathToFileURL(output).href)).toMatchObject({ default: 'é' })
  })

  it.each([
    ['UTF-16, as PowerShell writes it', Buffer.from(`\ufeff${text}`, 'utf16le'), 'the file is not UTF-8'],
    ['UTF-16 with the other byte order', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'the file is not UTF-8'],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le'), 'the file has a NUL byte'],
    ['a NUL byte', Buffer.from(`${text}\0`), 'the file has a NUL byte'],
  ])('are a problem with a fix if they are %s', async (_, bytes, message) => {
    const result = await compile(write(bytes), 'a.bench.ts')
    expect(result).toMatchObject({ ok: false, problems: [{ file: 'a.bench.ts', message, fix: expect.any(String) }] })
  })

  it('are a warning at their place if they are Latin-1, also in a module', async () => {
    const root = write("export { default } from './b.ts'\n")
    writeFileSync(join(root, 'b.ts'), Buffer.from(text, 'latin1'))
    const { warnings } = await compiled({}, root)
    expect(warnings).toEqual([
      {
        file: 'a.bench.ts',
        message: 'a character is not UTF-8, and is replaced.',
        fix: 'save the file as UTF-8',
        location: { file: join(root, 'b.ts'), line: 1, column: 6 },
      },
    ])
  })

  it.each(['// \xe9\n', '/* \xf0\x9f */', "; import './b.txt'"])(
    'end compiling also if the last character is cut: %j',
    async (end) => {
      const root = write(Buffer.from(`export default 1 ${end}`, 'latin1'))
      writeFileSync(join(root, 'b.txt'), Buffer.from('\xe9\n', 'latin1'))
      expect((await compiled({}, root)).warnings).toHaveLength(1)
    },
  )

  it('are no warning if they are imported as bytes, which stay as they are', async () => {
    const root = write("export { default } from './b.bin' with { type: 'bytes' }\n")
    writeFileSync(join(root, 'b.bin'), Buffer.of(0xff, 0xfe, 0))
    const { output, warnings } = await compiled({}, root)
    expect(warnings).toEqual([])
    const { default: bytes } = (await import(pathToFileURL(output).href)) as { default: Uint8Array }
    expect([...bytes]).toEqual([0xff, 0xfe, 0])
  })
})

describe.skipIf(!existsSync(bundlePath('tools')))('a name that a module does not export', () => {
  const problemOf = async (text: string, files: Readonly<Record<string, string>> = {}) => {
    const result = await compile(project({ 'a.bench.ts': text, ...files }), 'a.bench.ts')
    return result.ok ? undefined : result.problems[0]
  }

  it('is one of isobench, with a fix', async () => {
    expect(await problemOf("import { describe } from 'isobench'\ndescribe()")).toMatchObject({
      message: 'isobench has no export "describe".',
      fix: "use group('name', () => { bench(...) })",
    })
    expect(await problemOf("import { fioo } from 'isobench/tools'\nfioo()")).toMatchObject({
      message: 'isobench/tools has no export "fioo".',
      fix: 'did you mean "fio"?',
    })
  })

  it.each(['lib/index.js', 'tools.js', 'lib/constructor.js'])('is one of the project in %s', async (file) => {
    const problem = await problemOf(`import { helper } from './${file}'\nhelper()`, { [file]: 'export const a = 1' })
    expect(problem?.message).toBe(`No matching export in "${file}" for import "helper"`)
    expect(problem?.fix).toBe(`export it from ${file}, or correct the name`)
  })
})
