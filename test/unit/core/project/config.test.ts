import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { withConfigDefaults } from '../../../../src/commands/setup.ts'
import { loadProject } from '../../../../src/core/project/config.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-config-')))
afterAll(() => rmSync(root, { recursive: true }))

const native = "platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }]"
const load = (text: string, environment = { command: 'run', profile: 'full' }) => {
  writeFileSync(join(root, 'isobench.config.ts'), text)
  return loadProject(root, undefined, environment)
}

describe('a config function', () => {
  it('receives the command and the profile, and may be async', async () => {
    const project = await load(
      `export default async ({ command, profile }) => ({ ${native}, seed: command + '-' + profile })`,
    )
    expect(project.seed).toBe('run-full')
  })

  it('that throws is a problem at its line', async () => {
    const thrown = await load("export default () => {\n  throw new Error('no luck')\n}\n").catch((error) => error)
    expect(thrown.problems).toEqual([
      {
        file: 'isobench.config.ts',
        message: 'no luck',
        location: { file: join(root, 'isobench.config.ts'), line: 2, column: 9 },
      },
    ])
  })
})

describe('defaults of the config', () => {
  it('apply to what the command line leaves out', async () => {
    const project = await load(`export default { ${native}, rounds: '10..30', seed: 's', baseline: 'main' }`)
    const options = { rounds: undefined, firstLook: undefined, seed: undefined, baseline: undefined }
    expect(withConfigDefaults(options as never, project)).toEqual({
      rounds: 30,
      firstLook: 10,
      seed: 's',
      baseline: 'main',
    })
    const typed = { rounds: 5, firstLook: 5, seed: 'mine', baseline: 'other' }
    expect(withConfigDefaults(typed as never, project)).toEqual(typed)
  })

  it.each([
    ["rounds: '30..10'", /30\.\.10/],
    ['rounds: 0', /rounds/],
    ["rounds: 'many'", /10\.\.30/],
  ])('are checked: %s', async (field, message) => {
    await expect(load(`export default { ${native}, ${field} }`)).rejects.toThrow(message)
  })
})
