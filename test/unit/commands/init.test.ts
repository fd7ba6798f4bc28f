import {
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandIo } from '../../../src/commands/command.ts'
import { command } from '../../../src/commands/init.ts'

let cwd: string
let printed: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'isobench-init-'))
  printed = ''
})
afterEach(() => rmSync(cwd, { recursive: true }))

const write = (name: string, text: string) => writeFileSync(join(cwd, name), text)
const read = (name: string) => readFileSync(join(cwd, name), 'utf8')
const init = () => {
  const out = {
    write: (text: string) => {
      printed += text
    },
  }
  return command.run([], {} as never, { cwd, out } as unknown as CommandIo)
}

describe('isobench init', () => {
  it('writes a project, and a command that needs no global installation', async () => {
    expect(await init()).toBe(0)
    expect(JSON.parse(read('tsconfig.json')).compilerOptions.module).toBe('NodeNext')
    expect(read('.gitignore')).toBe('.isobench/\n')
    expect(read('isobench.config.ts')).toContain("declare module 'isobench' {")
    expect(printed).toMatch(/wrote isobench\.config\.ts\n[\s\S]*Next: npx isobench run --install\n$/)
    await expect(init()).rejects.toThrow('isobench.config.ts and benches/hello.bench.ts already exist.')
    rmSync(join(cwd, 'isobench.config.ts'))
    await expect(init()).rejects.toThrow('benches/hello.bench.ts already exists.')
  })

  it('prints how to install isobench, unless it is installed', async () => {
    await init()
    const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
    expect(printed).toContain(`isobench is not installed here. First: npm install --save-dev ${root}\nNext:`)
    const other = join(cwd, 'other')
    mkdirSync(join(other, '..', 'node_modules', 'isobench'), { recursive: true })
    mkdirSync(other)
    printed = ''
    cwd = other
    await init()
    cwd = dirname(other)
    expect(printed).toContain('Next: npx isobench run --install\n')
    expect(printed).not.toContain('not installed')
  })

  it('writes nothing if a file is in the way of the folder benches', async () => {
    write('benches', '')
    await expect(init()).rejects.toMatchObject({
      message: 'isobench init: benches is no folder, and the example bench needs a folder of that name.',
      fix: 'move it away, or use another directory.',
    })
    expect(readdirSync(cwd)).toEqual(['benches'])
  })

  it.each([
    ['isobench.config.ts', 'isobench.config.ts already exists.'],
    ['benches', 'benches is no folder, and the example bench needs a folder of that name.'],
    ['.gitignore', '.gitignore is no regular file, and isobench adds a line to it.'],
    ['package.json', 'package.json is no regular file, and isobench adds a line to it.'],
  ])('writes nothing if %s is a link that leads nowhere', async (name, message) => {
    symlinkSync('nowhere', join(cwd, name))
    await expect(init()).rejects.toThrow(`isobench init: ${message}`)
    expect(readdirSync(cwd)).toEqual([name])
  })

  it('writes nothing if .gitignore is a folder', async () => {
    mkdirSync(join(cwd, '.gitignore'))
    await expect(init()).rejects.toThrow('.gitignore is no regular file')
    expect(readdirSync(cwd)).toEqual(['.gitignore'])
  })

  it.runIf(process.getuid!() === 0)('writes all files for the owner of the folder', async () => {
    chownSync(cwd, 65534, 65534)
    await init()
    const names = readdirSync(cwd, { recursive: true, encoding: 'utf8' })
    expect(names).toContain('.gitignore')
    expect(names.filter((name) => statSync(join(cwd, name)).uid !== 65534)).toEqual([])
  })

  it('keeps what there is, and adds a script and a line', async () => {
    write('package.json', '{\n\t"name": "a",\n\t"scripts": { "test": "vitest" },\n\t"type": "module"\n}\n')
    write('.gitignore', 'node_modules')
    write('tsconfig.json', '{}')
    await init()
    const scripts = '{\n\t\t"test": "vitest",\n\t\t"bench": "isobench run"\n\t}'
    expect(read('package.json')).toBe(`{\n\t"name": "a",\n\t"scripts": ${scripts},\n\t"type": "module"\n}\n`)
    expect(read('.gitignore')).toBe('node_modules\n.isobench/\n')
    expect(read('tsconfig.json')).toBe('{}')
  })

  it('adds a script to a package.json with a byte order mark, and keeps the mark', async () => {
    write('package.json', '\ufeff{\n  "name": "a"\n}\n')
    await init()
    expect(read('package.json')).toBe('\ufeff{\n  "name": "a",\n  "scripts": {\n    "bench": "isobench run"\n  }\n}\n')
  })

  it('replaces package.json as a whole, so that a full disk leaves the old one', async () => {
    write('package.json', '{ "name": "a" }')
    const old = openSync(join(cwd, 'package.json'), 'r')
    await init()
    expect(readFileSync(old, 'utf8')).toBe('{ "name": "a" }')
    closeSync(old)
    expect(JSON.parse(read('package.json')).scripts).toEqual({ bench: 'isobench run' })
  })

  it.each([
    ['{ "scripts": { "bench": "mine" } }', '/.isobench', 'it has another script "bench"'],
    ['no JSON', 'dist\n.isobench/\n', 'it is no valid JSON'],
    ['[]', '.isobench', 'it is no JSON object'],
    ['{ "scripts": { "bench": "isobench run" } }', '.isobench', undefined],
  ])('changes neither package.json nor .gitignore if nothing is to do: %s', async (json, ignored, why) => {
    write('package.json', json)
    write('.gitignore', ignored)
    await init()
    expect([read('package.json'), read('.gitignore')]).toEqual([json, ignored])
    const kept = /kept package\.json, without a script for isobench: (.*)/.exec(printed)?.[1]
    expect(kept).toBe(why)
  })
})
