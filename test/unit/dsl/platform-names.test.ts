/** The names of the config's platforms as types, with the declarations that are published. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const declarations = fileURLToPath(new URL('../../../dist/index.d.ts', import.meta.url))

const config = `import { defineConfig, platform } from 'isobench'
const config = defineConfig({ platforms: [platform('native'), platform('gvisor', { name: 'tuned', mode: 'systrap' })] })
export default config
`
const register = "declare module 'isobench' { interface Register { config: typeof config } }\n"

const bench = `import { bench, expect, lower, platform, type PlatformName, workload } from 'isobench'
const { time } = bench('a', workload('a', { metrics: { time: lower('ms') }, run: async () => ({ time: 1 }) }))
expect(time).on('tuned').worseThan('native')
expect(time).on('gvsior').withinNative(5)
expect(time).on('tuned').worseThan('rnuc')
expect(time).ranked('native', 'tund')
expect(time).on(platform.named('gvisor')).withinNative(5)
const computed = 'tu' + 'ned'
expect(time).on(computed as PlatformName).withinNative(5)
`

/** The numbers of the lines of the bench file that have an error. */
function wrongLines(configText: string): number[] {
  const root = mkdtempSync(join(tmpdir(), 'isobench-names-'))
  try {
    writeFileSync(join(root, 'isobench.config.ts'), configText)
    writeFileSync(join(root, 'a.bench.ts'), bench)
    const program = ts.createProgram([join(root, 'isobench.config.ts'), join(root, 'a.bench.ts')], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      paths: { isobench: [declarations] },
      types: [],
    })
    return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      if (file === undefined || !file.fileName.endsWith('a.bench.ts')) throw new Error(JSON.stringify(messageText))
      return file.getLineAndCharacterOfPosition(start!).line + 1
    })
  } finally {
    rmSync(root, { recursive: true })
  }
}

describe.skipIf(!existsSync(declarations))('names of platforms in claims', () => {
  it('are those of the registered config', () => {
    expect(wrongLines(config + register)).toEqual([4, 5, 6, 7])
  })

  it('are any text without a registered config', () => {
    expect(wrongLines(config)).toEqual([])
  })
})
