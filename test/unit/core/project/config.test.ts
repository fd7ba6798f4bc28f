import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { withConfigDefaults } from '../../../../src/commands/setup.ts'
import { filterFiles } from '../../../../src/core/project/bench-files.ts'
import { loadProject } from '../../../../src/core/project/config.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-config-')))
afterAll(() => rmSync(root, { recursive: true }))

const native = "platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }]"
const includeFix = "write globs such as 'benches/**/*.bench.ts', or leave include out"
const load = (text: string, environment = { command: 'run', profile: 'full' }) => {
  writeFileSync(join(root, 'isobench.config.ts'), text)
  return loadProject(root, undefined, environment)
}

it('a folder or a device as the config, and an empty filter, are mistakes of the command line', async () => {
  await expect(loadProject(root, '.')).rejects.toThrow('the config . is a folder')
  await expect(loadProject(root, '/dev/null')).rejects.toThrow('the config /dev/null is no regular file')
  const project = await load(`export default { ${native} }`)
  const files = ['benches/a.bench.ts']
  expect(() => filterFiles(project, files, [''])).toThrow('a filter is empty.')
  expect(filterFiles(project, files, ['a.bench'])).toEqual(files)
})

it('a project without a bench file gets a fix that suits its patterns', async () => {
  const fixOf = async (include: string) => {
    const project = await load(`export default { ${native}, include: ${include} }`)
    try {
      return filterFiles(project, [], [])
    } catch (error) {
      return (error as { readonly fix?: string }).fix
    }
  }
  expect(await fixOf("['perf/*.ts']")).toBe('write one, or correct include in the config: perf/*.ts')
  expect(await fixOf("['!a']")).toBe('add a pattern without an exclamation mark to include in the config')
})

it('gives guests limits by default, also of processes and of /data', async () => {
  const { guest } = await load(`export default { ${native} }`)
  expect(guest).toEqual({ cpus: 1, memoryBytes: 2 ** 30, processes: 4096, dataBytes: 4 * 2 ** 30 })
})

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

it('a getter or a proxy of the config that throws is a problem at its line', async () => {
  for (const text of [
    "export default {\n  get platforms() { throw new Error('no luck') },\n}\n",
    "export default new Proxy({}, {\n  get() { throw new Error('no luck') },\n})\n",
  ]) {
    const thrown = await load(text).catch((error) => error)
    expect(thrown.problems).toMatchObject([{ file: 'isobench.config.ts', message: 'no luck', location: { line: 2 } }])
  }
})

it('a warning of the bundler about the config is kept, and one in UTF-16 is a problem with a fix', async () => {
  const project = await load(`const a = { b: 1, b: 2 }\nexport default { ${native}, seed: String(a.b) }`)
  expect(project.warnings).toMatchObject([
    { file: 'isobench.config.ts', message: 'Duplicate key "b" in object literal', location: { line: 1, column: 19 } },
  ])
  writeFileSync(join(root, 'isobench.config.ts'), Buffer.from('\ufeffexport default {}', 'utf16le'))
  const { problems } = await loadProject(root).catch((error) => error)
  expect(problems).toMatchObject([
    { message: 'the file is not UTF-8', fix: expect.stringContaining('save it as UTF-8') },
  ])
})

describe('a wrong option', () => {
  it.each([
    ["guest: { cpus: 'two' }", 'guest.cpus: "two" is not a number.', 'see docs/reference/config.md', 'cpus'],
    ['guest: { cpus: 1.5 }', 'guest.cpus: 1.5 is not a whole number.', 'see docs/reference/config.md', 'cpus'],
    [
      'profiles: { nightly: { timeout: 1e9 } }',
      'profiles.nightly.timeout: 1000000000 is not at most 86400.',
      'see docs/reference/config.md',
      'timeout',
    ],
    ['guest: { cpus: 0 }', 'guest.cpus: 0 is not at least 1.', 'see docs/reference/config.md', 'cpus'],
    ['guest: { memory: 512 }', 'guest.memory: 512 is not accepted.', 'write it as "512MiB" or "1GiB"', 'memory'],
    ["guest: { memory: '0MiB' }", 'guest.memory: "0MiB" is not accepted.', 'write it as "512MiB" or "1GiB"', 'memory'],
    [
      "image: { snapshot: '2026-02-31' }",
      'image.snapshot: "2026-02-31" is not accepted.',
      'write a day as "2026-11-01"',
      'snapshot',
    ],
    [
      "image: { snapshot: '1926-02-28' }",
      'image.snapshot: "1926-02-28" is not accepted.',
      'write a day as "2026-11-01"',
      'snapshot',
    ],
    ['guest: { cpu: 2 }', 'there is no option "cpu" in guest.', 'did you mean "cpus"?', 'cpu'],
    ["platfroms: ['runc']", 'there is no option "platfroms".', 'did you mean "platforms"?', 'platfroms'],
    [
      'profiles: { nightly: { round: 5 } }',
      'there is no option "round" in profiles.nightly.',
      'did you mean "rounds"?',
      'round',
    ],
    ["security: 'off'", 'security: "off" is not "default" or "none".', 'see docs/reference/config.md', 'security'],
    ["duet: 'yes'", 'duet: "yes" is not true or false.', 'see docs/reference/config.md', 'duet'],
    ["rounds: 'many'", 'rounds: "many" is not accepted.', 'write it as 10 or "10..30"; 1000 at most', 'rounds'],
    ["include: 'benches'", 'include: "benches" is not a list.', 'see docs/reference/config.md', 'include'],
    ['include: []', 'include: [] is not accepted.', includeFix, 'include'],
    ["include: ['a*', '']", 'include[1]: "" is not accepted.', includeFix, 'include'],
    [
      'reporters: []',
      'reporters: [] is not accepted.',
      "write reporters such as ['default', 'html=report.html'], or leave reporters out",
      'reporters',
    ],
    [
      'reporters: [{ name: 1 }]',
      'reporters[0]: {"name":1} is not accepted.',
      'write a name such as "html=report.html", or [path, options]',
      'reporters',
    ],
  ])('is named with its value, what is expected and its place: %s', async (field, message, fix, word) => {
    const thrown = await load(`// cpus: 1\nexport default {\n  ${native},\n  ${field},\n}\n`).catch((error) => error)
    const column = 3 + field.search(new RegExp(`\\b${word}:`))
    const location = { file: join(root, 'isobench.config.ts'), line: 4, column }
    expect(thrown.problems).toEqual([{ file: 'isobench.config.ts', message, fix, location, word }])
  })

  it('is named if JSON cannot have its value', async () => {
    const own = "const loop = { name: 'x' }\nloop.self = loop\n"
    const messageOf = async (value: string) =>
      (await load(`${own}export default { ${native}, seed: ${value} }\n`).catch((error) => error)).problems[0].message
    expect(await messageOf('loop')).toMatch(/^seed: <ref \*1> \{ name: 'x', self: .* is not a text\.$/)
    expect(await messageOf('{ size: 5n }')).toBe('seed: { size: 5n } is not a text.')
    expect(await messageOf('5n')).toBe('seed: 5n is not a text.')
    expect(await messageOf('-Infinity')).toBe('seed: -Infinity is not a text.')
  })

  it('is said to be missing if it is', async () => {
    const thrown = await load('export default {}').catch((error) => error)
    expect(thrown.problems).toEqual([
      { file: 'isobench.config.ts', message: 'platforms is missing.', fix: 'write a list' },
    ])
    const empty = await load('export default 5').catch((error) => error)
    expect(empty.problems).toMatchObject([{ message: 'the config: 5 is not an object.' }])
  })
})

it('a pattern that is an absolute path in the folder of the config gets the relative one', async () => {
  const thrown = await load(`export default {\n  ${native},\n  include: ['${root}/b/*.ts'],\n}`).catch((error) => error)
  expect(thrown.problems).toMatchObject([
    {
      message: `include: "${root}/b/*.ts" is an absolute path`,
      fix: "write it relative to the folder of the config: 'b/*.ts'",
    },
  ])
})

it('a config beside the used one is a warning, unless TypeScript has compiled it or --config chooses', async () => {
  const beside = (name: string) => writeFileSync(join(root, name), `export default { ${native} }`)
  for (const name of ['isobench.config.js', 'isobench.config.mjs']) beside(name)
  const { warnings } = await load(`export default { ${native} }`)
  const message = 'it is not used, because isobench.config.ts is beside it.'
  expect(warnings).toEqual([{ file: 'isobench.config.mjs', message, fix: 'remove one of them' }])
  expect((await loadProject(root, 'isobench.config.mjs')).warnings).toEqual([])
  for (const name of ['isobench.config.js', 'isobench.config.mjs']) rmSync(join(root, name))
})

it('a pattern of bench files that leaves the folder of the config is a problem at its place', async () => {
  for (const pattern of ['/etc/*.ts', '../**', 'benches/../../x/*.bench.ts']) {
    const thrown = await load(`export default {\n  ${native},\n  include: ['a.bench.ts', '${pattern}'],\n}`).catch(
      (error) => error,
    )
    expect(thrown.problems).toEqual([
      {
        file: 'isobench.config.ts',
        message: `include: "${pattern}" leaves the folder of the config`,
        fix: 'move the config up, or make a link to the folder in the project',
        location: { file: join(root, 'isobench.config.ts'), line: 3, column: 3 },
        word: 'include',
      },
    ])
  }
  await expect(load(`export default { ${native}, include: ['a..b/*.bench.ts'] }`)).resolves.toBeDefined()
})

it.each([
  ["bench('lost', null)", ''],
  ["finding(100, 'lost', [])", ''],
  ["bench.todo('lost')", ''],
  ['later()', "const later = () => bench.todo('lost')\n"],
])('%s in the config is a problem at its place, since nothing measures it', async (call, before) => {
  const thrown = await load(
    `import { bench, finding } from 'isobench'\n${before}export default () => {\n  ${call}\n  return { ${native} }\n}`,
  ).catch((error) => error)
  expect(thrown.problems).toEqual([
    {
      file: 'isobench.config.ts',
      message: 'the config or a reporter registers a bench, a finding or a claim',
      fix: 'write it in a bench file, such as benches/name.bench.ts, that neither of them imports',
      location: expect.objectContaining({ file: join(root, 'isobench.config.ts'), line: before ? 2 : 3 }),
    },
  ])
})

it('a profile may have the name of a member of all objects', async () => {
  const { profiles } = await load(`export default { ${native}, profiles: { constructor: { rounds: 2 } } }`)
  expect(profiles.constructor).toEqual({ ...profiles.quick, rounds: 2 })
})

it('a config that is a link to nothing is named, and not one of a folder above', async () => {
  const below = join(root, 'below')
  await load(`export default { ${native} }`)
  mkdirSync(below)
  symlinkSync('nothing.ts', join(below, 'isobench.config.ts'))
  await expect(loadProject(below)).rejects.toThrow(
    `the config ${join(below, 'isobench.config.ts')} is a link to nothing`,
  )
})

it('filters are relative to the folder of the command line, also if the config changes the current one', async () => {
  const folder = process.cwd()
  mkdirSync(join(root, 'benches'))
  writeFileSync(join(root, 'benches/a.bench.ts'), '')
  writeFileSync(join(root, 'a.bench.ts'), '')
  try {
    const project = await load(`process.chdir('/')\nexport default { ${native} }`)
    const files = ['a.bench.ts', 'benches/a.bench.ts']
    expect(filterFiles(project, files, ['./a.bench.ts'])).toEqual(['a.bench.ts'])
  } finally {
    process.chdir(folder)
  }
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
    ["rounds: 'many'", /rounds: "many"/],
  ])('are checked: %s', async (field, message) => {
    const thrown = await load(`export default {\n  ${native},\n  ${field} }`).catch((error) => error)
    expect(thrown.problems).toMatchObject([
      { message: expect.stringMatching(message), fix: expect.any(String), location: { line: 3, column: 3 } },
    ])
  })
})
