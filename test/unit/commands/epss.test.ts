import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { command } from '../../../src/commands/epss.ts'

const root = mkdtempSync(join(tmpdir(), 'isobench-epss-command-'))
afterAll(() => rmSync(root, { recursive: true }))
writeFileSync(
  join(root, 'isobench.config.ts'),
  "import { platform } from 'isobench'\nexport default { platforms: [platform('native')] }\n",
)
writeFileSync(
  join(root, 'epss.csv'),
  '#model_version:v1,score_date:2020-01-02\ncve,epss,percentile\nCVE-2024-1086,0.5,0.9\n',
)
writeFileSync(join(root, 'none.csv'), 'cve,function\nCVE-1999-0001,vfs_read\n')
writeFileSync(join(root, 'map.csv'), 'cve,function\nCVE-2024-1086,vfs_read\nCVE-2024-1086,no_such_function_here\n')
mkdirSync(join(root, 'cves'))

const saved = join(root, '.isobench/epss.json')

async function importWith(options: Record<string, string>): Promise<string> {
  let out = ''
  const io = { cwd: root, out: { write: (text: string) => (out += text) } }
  expect(await command.run(['import', 'epss.csv'], options as never, io as never)).toBe(0)
  return out
}

describe('isobench epss import', () => {
  it('needs the places of CVEs', async () => {
    await expect(importWith({})).rejects.toThrow(/--map and --kernel-cves are missing/)
    await expect(importWith({ kernelCves: 'cves' })).rejects.toThrow(/--kernel-cves needs --sources/)
  })

  it('saves the data, names functions that this kernel does not have, and says that scores are old', async () => {
    const out = await importWith({ map: 'map.csv' })
    expect(out).toMatch(/The scores are [\d,]+ days old/)
    expect(out).toMatch(/not in this kernel and its loaded modules: .*no_such_function_here \(.*map\.csv:3\)/)
    expect(out).toContain('1 CVE in 2 functions.')
    expect(JSON.parse(readFileSync(saved, 'utf8'))).toMatchObject({
      cves: [{ cve: 'CVE-2024-1086', functions: ['no_such_function_here', 'vfs_read'] }],
    })
  })

  it('says that the date of scores is in the future', async () => {
    const scores = readFileSync(join(root, 'epss.csv'), 'utf8')
    writeFileSync(join(root, 'epss.csv'), scores.replace('2020-01-02', '2999-01-02'))
    expect(await importWith({ map: 'map.csv' })).toContain('The date of the scores is in the future.')
    writeFileSync(join(root, 'epss.csv'), scores)
    expect(await importWith({ map: 'map.csv' })).toContain(
      'It replaces 1 CVE with scores of 2999-01-02, which are newer.',
    )
    writeFileSync(join(root, 'epss.csv'), scores.replace('2020-01-02', ''))
    expect(await importWith({ map: 'map.csv' })).toContain('The scores have no valid date')
    writeFileSync(join(root, 'epss.csv'), scores)
  })

  it('keeps earlier data if there is nothing to save', async () => {
    const before = readFileSync(saved, 'utf8')
    await expect(importWith({ map: 'none.csv' })).rejects.toThrow(
      /no CVE has both a score and a function, so nothing was saved: .*CVE-1999-0001/,
    )
    expect(existsSync(saved) && readFileSync(saved, 'utf8')).toBe(before)
  })
})
