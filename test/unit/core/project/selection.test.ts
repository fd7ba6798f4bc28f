import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filterFiles } from '../../../../src/core/project/bench-files.ts'
import { checkSelection } from '../../../../src/core/project/check-selection.ts'
import { loadProject } from '../../../../src/core/project/config.ts'
import { createPlan, type PlanOptions, selectProject } from '../../../../src/core/project/plan.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { bundlePath } from '../../../../src/util/assets.ts'
import { aBench } from '../judge/builders.ts'

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

/** The message and the fix of what the work throws. */
const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return `${(error as Error).message} | ${(error as { fix?: string }).fix}`
  }
  return 'nothing'
}

describe('filters', () => {
  const project = { root: '/p', cwd: '/p', include: ['benches/*.bench.ts'] }
  const files = ['benches/ok.bench.ts', 'benches/other.bench.ts']

  it('must each select a file', () => {
    expect(filterFiles(project, files, ['ok'])).toEqual(['benches/ok.bench.ts'])
    const fix = 'the config includes benches/*.bench.ts'
    expect(refusal(() => filterFiles(project, files, ['nope']))).toBe(`no bench file has "nope" in its path | ${fix}`)
    expect(refusal(() => filterFiles(project, files, ['ok', 'nope', 'no']))).toBe(
      `no bench file has "nope" or "no" in its path | ${fix}`,
    )
  })

  it('may select nothing beside others while watch mode runs', () => {
    const options = { allowUnmatched: true }
    expect(filterFiles(project, files, ['ok', 'nope'], options)).toEqual(['benches/ok.bench.ts'])
    expect(() => filterFiles(project, files, ['nope'], options)).toThrow('"nope"')
  })

  it('have no line', () => {
    const fix = 'write benches/ok.bench.ts, and select one of its benches with --name'
    for (const filter of ['benches/ok.bench.ts:5', 'benches/ok.bench.ts:5:1'])
      expect(refusal(() => filterFiles(project, files, [filter]))).toBe(`a filter is a path without a line | ${fix}`)
  })

  it('name a folder of benches that is a link to nothing', () => {
    const root = mkdtempSync(join(tmpdir(), 'isobench-selection-'))
    symlinkSync('nowhere', join(root, 'benches'))
    expect(refusal(() => filterFiles({ ...project, root }, [], []))).toBe(
      'there is no bench file: benches is a link that leads nowhere | repair or remove the link, or check out the ' +
        'submodule that it leads to: git submodule update --init',
    )
    rmSync(root, { recursive: true })
  })

  it('are no globs', () => {
    expect(refusal(() => filterFiles(project, files, ['benches/*.bench.ts']))).toBe(
      'no bench file has "benches/*.bench.ts" in its path | write a path or a part of one: a filter is no glob',
    )
  })
})

describe('names and tags', () => {
  const a = aBench({ name: 'disk read', tags: ['io'] })
  const b = aBench({ name: 'prime', tags: ['cpu'] })
  const selected = { benches: [a], findings: [], problems: [] }
  const whole = { benches: [a, b], findings: [], problems: [] }
  const broken = { file: 'c.bench.ts', message: 'broken' }

  it.each([
    [{ name: ['disk', 'read'], tag: ['io'] }, 'nothing'],
    [{ name: ['disk', 'zzz'] }, 'no bench has "zzz" in its name | write a part of a name; isobench list shows them'],
    [{ name: ['disk', 'prime'] }, 'no bench of the selected files has "prime" in its name | select other files'],
    [{ tag: ['io', 'iO'] }, 'no bench has the tag "iO" | did you mean "io"?'],
    [{ tag: ['io', 'cpu'] }, 'no bench of the selected files has the tag "cpu" | select other files'],
  ])('must each be one of a selected bench: %j', (options, expected) => {
    expect(refusal(() => checkSelection(options, selected, whole))).toBe(expected)
  })

  it('may be those of a selected file with problems, not of another', () => {
    const problems = [broken]
    expect(refusal(() => checkSelection({ name: ['zzz'] }, { ...selected, problems }, { ...whole, problems }))).toBe(
      'nothing',
    )
    expect(refusal(() => checkSelection({ name: ['zzz'] }, selected, { ...whole, problems }))).toBe(
      'no bench of the selected files has "zzz" in its name | select other files',
    )
  })
})

describe.skipIf(!built)('a selection', () => {
  const head = `import { bench, higher, workload } from 'isobench'
const w = workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) })\n`
  let root: string
  beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-selection-')))
    const files = {
      'isobench.config.ts': `import { platform } from 'isobench'\nexport default { platforms: [platform('native')] }`,
      'benches/ok.bench.ts': `${head}bench('fine', w, { tags: ['x'] })\nbench('slow', w)`,
      'benches/other.bench.ts': `${head}bench('other', w)\nbench.each([])('none', () => w)`,
      'benches/left.bench.js': '',
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), text)
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const select = async (options: Partial<PlanOptions>) =>
    selectProject(await loadProject(root), drivers, { profile: 'quick', ...options })
  const plan = async (options: Partial<PlanOptions>) =>
    createPlan(await loadProject(root), drivers, { profile: 'quick', ...options })
  const failure = async (options: Partial<PlanOptions>) => {
    const error = await plan(options).catch((thrown) => thrown)
    return `${error.message} | ${error.fix}`
  }

  it('has the warnings of its files', async () => {
    const warned = async (...filters: string[]) =>
      (await select({ filters })).collected.warnings.map(({ file }) => file)
    expect(await warned()).toEqual(['benches/other.bench.ts', 'benches/left.bench.js'])
    expect(await warned('ok')).toEqual([])
    expect(await warned('other')).toEqual(['benches/other.bench.ts'])
    expect(await warned('./benches')).toEqual(await warned())
  })

  it('warns of each pattern of the config that includes nothing, at its place', async () => {
    const patterns = ['benches/ok*', 'perf/**/*.bench.ts', '!old/**', 'benches/left*', '!benches/left*', 'benches/*']
    const lines = patterns.map((pattern) => `    '${pattern}',`).join('\n')
    const config = join(root, 'patterns.config.ts')
    const native = "{ kind: 'native', name: 'native', tags: [], options: {} }"
    writeFileSync(config, `export default {\n  include: [\n${lines}\n  ],\n  platforms: [${native}],\n}\n`)
    const { collected } = await selectProject(await loadProject(root, config), drivers, { profile: 'quick' })
    const fix = 'correct the pattern, or remove it'
    expect(collected.warnings.filter(({ message }) => message.startsWith('include'))).toEqual([
      {
        file: 'patterns.config.ts',
        message: 'include: no bench file matches "perf/**/*.bench.ts".',
        fix,
        location: { file: config, line: 4, column: 6 },
        word: 'perf/**/*.bench.ts',
      },
      {
        file: 'patterns.config.ts',
        message: 'include: no bench file matches "benches/left*".',
        fix,
        location: { file: config, line: 6, column: 6 },
        word: 'benches/left*',
      },
    ])
  })

  it('fails with a name that selects nothing beside one that does', async () => {
    await expect(select({ name: ['fine', 'zzz'] })).rejects.toThrow('no bench has "zzz" in its name')
    await expect(select({ filters: ['ok'], name: ['fine', 'other'] })).rejects.toThrow('no bench of the selected files')
  })

  it('with --findings names the platforms of --platform that no claim of them is about', async () => {
    const config = join(root, 'findings.config.ts')
    const platforms = ['native', 'runc', 'crun'].map((name) => `platform('${name}')`).join(', ')
    writeFileSync(
      config,
      `import { platform } from 'isobench'
export default { include: ['findings.ts'], platforms: [${platforms}] }`,
    )
    const imports = "import { bench, expect, finding, higher, workload } from 'isobench'"
    writeFileSync(
      join(root, 'findings.ts'),
      `${head.replace(/^import.*/, imports)}const it = bench('it', w)
finding(1, 'A1: runc', [expect(it.e).on('runc').atLeast('1ops/s')])`,
    )
    const project = await loadProject(root, config)
    const options = { profile: 'quick', findings: ['A1'] }
    const { platforms: chosen, notes } = await createPlan(project, drivers, {
      ...options,
      platform: ['native', 'runc', 'crun'],
    })
    expect(chosen.map(({ spec }) => spec.name)).toEqual(['native', 'runc'])
    expect(notes).toEqual(['crun is not measured, because no claim of the findings is about it'])
    await expect(createPlan(project, drivers, { ...options, platform: ['crun'] })).rejects.toMatchObject({
      message: 'no claim of the findings is about crun',
      fix: 'use platforms of the findings: --platform native,runc',
    })
  })

  it('that is empty fails with a fix that names the given filters', async () => {
    expect(await failure({ name: ['slow'], tag: ['x'] })).toBe(
      'no bench is left to run | loosen --name and --tag, or look at: isobench list',
    )
    expect(await failure({ findings: [] })).toBe(
      'the selected files have no finding | leave out --findings, or state one: finding(...)',
    )
  })
})
