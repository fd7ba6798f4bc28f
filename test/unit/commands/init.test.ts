import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
    await expect(init()).rejects.toThrow('isobench.config.ts and benches/hello.bench.ts already exists')
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

  it.each([
    ['{ "scripts": { "bench": "mine" } }', '/.isobench'],
    ['no JSON', 'dist\n.isobench/\n'],
  ])('changes neither package.json nor .gitignore if nothing is to do: %s', async (json, ignored) => {
    write('package.json', json)
    write('.gitignore', ignored)
    await init()
    expect([read('package.json'), read('.gitignore')]).toEqual([json, ignored])
  })
})
