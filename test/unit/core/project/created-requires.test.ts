import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { searchRequiredModules } from '../../../../src/core/project/created-requires.ts'

it('reads a file once, although several benches import it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-requires-'))
  try {
    const [file, data] = [join(folder, 'a.js'), join(folder, 'data.json')]
    writeFileSync(data, '{}')
    writeFileSync(file, "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('./data.json')\n")
    const search = searchRequiredModules()
    expect(await Promise.all([search([file]), search([file])])).toEqual([[data], [data]])
    writeFileSync(file, '')
    expect(await search([file])).toEqual([data])
    expect(await searchRequiredModules()([file])).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
