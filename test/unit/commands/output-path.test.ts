import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { command as merge } from '../../../src/commands/merge.ts'
import { checkOptions } from '../../../src/commands/options.ts'
import {
  checkFolder,
  checkOutput,
  checkReplaceable,
  refuseExisting,
  writeNew,
} from '../../../src/commands/output-path.ts'
import { command as plan } from '../../../src/commands/plan.ts'
import { command as report } from '../../../src/commands/report.ts'
import { command as run } from '../../../src/commands/run.ts'
import { isLink } from '../../../src/util/files.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-output-')))
afterAll(() => rmSync(root, { recursive: true }))

for (const folder of ['benches', 'own', 'meta', '.git', '.isobench/runs', '.isobench/baselines'])
  mkdirSync(join(root, folder), { recursive: true })
const record = readFileSync(new URL('../../fixtures/records/prime-latency-boot.jsonl', import.meta.url))
const files = ['r.jsonl', 'isobench.config.ts', 'benches/a.bench.ts', 'own/speed.ts', '.isobench/runs/1.jsonl']
const metadata = ['package.json', 'package-lock.json', 'yarn.lock', 'tsconfig.build.json', '.gitignore'].map(
  (name) => `meta/${name}`,
)
const sources = ['a.py', 'b.sh', 'c.c', 'd.go', 'e.rs', 'Makefile', 'Dockerfile.dev', 'lib.cts'].map(
  (name) => `meta/${name}`,
)
const settings = ['meta/f.YAML', 'meta/Cargo.toml', 'meta/.bashrc', '.git/config']
for (const file of [...files, ...metadata, ...sources, ...settings, '.isobench/baselines/main.jsonl', 'old.html'])
  writeFileSync(join(root, file), file.endsWith('.jsonl') ? record : 'no record')
symlinkSync('r.jsonl', join(root, 'link'))
linkSync(join(root, 'r.jsonl'), join(root, 'hard'))
linkSync(join(root, '.isobench/baselines/main.jsonl'), join(root, 'hard-baseline'))
linkSync(join(root, 'benches/a.bench.ts'), join(root, 'hard-bench'))
linkSync(join(root, 'own/speed.ts'), join(root, 'hard-speed'))
linkSync(join(root, 'meta/lib.cts'), join(root, 'hard-lib'))
writeFileSync(join(root, 'meta/tool'), '#!/bin/sh\n')
writeFileSync(join(root, 'meta/old.jsonl'), '{"type":"start","recordVersion":1,"plan":{}}\n')
symlinkSync('.isobench', join(root, 'state'))

const check = (path: string, project = {}, isNew = false) =>
  checkOutput({ option: `--out ${path}`, given: path, path: join(root, path), isNew }, { root, ...project }, [
    { what: 'a run record', file: join(root, 'r.jsonl') },
  ])

describe('an output', () => {
  it.each<[string, string]>([
    ['r.jsonl', 'a run record that this command reads'],
    ['link', 'a run record that this command reads'],
    ['hard', 'a run record that this command reads'],
    ['isobench.config.ts', 'a config or a bench file'],
    ['benches/a.bench.ts', 'a config or a bench file'],
    ['own/speed.ts', 'source code'],
    ...metadata.map((name): [string, string] => [name, 'a file that describes the project']),
    ...sources.map((name): [string, string] => [name, 'source code']),
    ['meta/f.YAML', 'a file that describes the project or a program'],
    ['meta/Cargo.toml', 'a file that describes the project or a program'],
    ['meta/.bashrc', 'the settings of a program'],
    ['meta/tool', 'a program'],
    ['meta/old.jsonl', 'a run record'],
    ['.git/config', 'a file of git'],
    ['hard-lib', 'source code'],
    ['hard-bench', 'a bench file'],
    ['hard-baseline', 'a run record'],
    ['.isobench/runs/1.jsonl', 'the files of isobench in .isobench'],
    ['state/baselines/main.jsonl', 'the files of isobench in .isobench'],
    ['state/new/report.html', 'the files of isobench in .isobench'],
  ])('must not overwrite %s: %s', async (path, what) => {
    await expect(check(path)).rejects.toMatchObject({
      code: 'ISOBENCH_USAGE',
      message: `--out ${path} would overwrite ${what}: ${join(root, path)}`,
      fix: 'name another file for the output',
    })
  })

  it('must not overwrite what a descriptor is open to read', async () => {
    writeFileSync(join(root, 'opened'), '')
    for (const flags of ['r', 'w', 'r+', 'a'] as const) {
      const descriptor = openSync(join(root, 'opened'), flags)
      for (const path of [`/dev/fd/${descriptor}`, `/proc/self/fd/${descriptor}`]) {
        const checked = checkOutput({ option: '--out', given: path, path }, { root })
        if (flags === 'r') await expect(checked).rejects.toThrow(`--out: descriptor ${descriptor} is open for reading`)
        else await expect(checked).resolves.toBeUndefined()
      }
      closeSync(descriptor)
    }
  })

  it('must not overwrite a file of the system, by its name or over a link', async () => {
    const output = { option: '--out', given: 'o', path: '/etc/passwd' }
    await expect(checkOutput(output, { root })).rejects.toThrow('would overwrite a file of the system: /etc/passwd')
    symlinkSync('/etc/passwd', join(root, 'users'))
    await expect(check('users')).rejects.toThrow('would overwrite a file of the system')
  })

  it.each(['old.html', 'report.json', 'results.xml', '.report.md', 'step_summary_1'])(
    'may overwrite %s',
    async (name) => {
      writeFileSync(join(root, name), 'an earlier report')
      await expect(check(name)).resolves.toBeUndefined()
    },
  )

  it('must not overwrite the bench files and the config of a loaded project, wherever they are', async () => {
    await expect(check('hard-speed', { include: ['own/*.ts'] })).rejects.toThrow('would overwrite a bench file')
    await expect(check('hard-speed', { configFile: join(root, 'own/speed.ts') })).rejects.toThrow('the config')
  })

  it.each(['benches/new.bench.ts', 'isobench.config.mts'])('must not be new code: %s', async (path) => {
    const message = `--out ${path}: a file with this name is a config or a bench file: ${join(root, path)}`
    await expect(check(path)).rejects.toMatchObject({ message, fix: 'name another file for the output' })
    const bench = { option: `--write ${path}`, given: path, path: join(root, path), isBench: true }
    const isRefused = await checkOutput(bench, { root }).then(
      () => false,
      () => true,
    )
    expect(isRefused, 'as a bench file').toBe(path.startsWith('isobench.config'))
  })

  it('that is new gets its name when it is complete, and a bench file replaces no link and no device', () => {
    const output = { option: '--write w', path: join(root, 'parts/w.bench.ts'), isBench: true }
    const broken = function* () {
      yield 'half'
      throw new Error('the disk is full')
    }
    expect(() => writeNew(output, broken())).toThrow('the disk is full')
    expect(readdirSync(join(root, 'parts'))).toEqual([])
    writeNew(output, ['a', 'b'])
    expect(readFileSync(output.path, 'utf8')).toBe('ab')
    expect(() => writeNew(output, ['c'])).toThrow(`--write w: ${output.path} already exists`)
    expect([readFileSync(output.path, 'utf8'), readdirSync(join(root, 'parts'))]).toEqual(['ab', ['w.bench.ts']])
    symlinkSync('nothing', join(root, 'parts/link.bench.ts'))
    for (const path of [join(root, 'parts/link.bench.ts'), '/dev/null']) {
      expect(() => refuseExisting({ ...output, path })).toThrow('already exists')
      expect(() => refuseExisting({ option: '--out', path })).not.toThrow()
    }
  })

  it('may replace an older output, be new, or be a device', async () => {
    for (const path of ['old.html', 'new/report.html', 'new/package.json', '../../dev/null']) await check(path)
    await check('.isobench/runs/merged.jsonl', {}, true)
  })

  it('is a file', async () => {
    await expect(check('own')).rejects.toThrow(`cannot be written to ${join(root, 'own')}: it is a folder`)
    await expect(check('-')).rejects.toMatchObject({ fix: expect.stringContaining('/dev/stdout') })
  })
})

const err = { write: () => true } as unknown as NodeJS.WriteStream
const io = { cwd: root, out: err, err, color: false, commands: [] }

it.each(['html', 'csv', 'junit', 'json'])('report --reporter %s=RECORD keeps the record', async (name) => {
  const options = { reporter: [`${name}=r.jsonl`], strict: false, all: false, json: false }
  await expect(report.run([join(root, 'r.jsonl')], options as never, io)).rejects.toThrow('that this command reads')
  expect(readFileSync(join(root, 'r.jsonl'))).toEqual(record)
})

it('an output that ends with a slash, or is a link into a folder that does not exist, is refused', async () => {
  await expect(check('new/')).rejects.toThrow('--out new/: it names a folder')
  const inWords = { option: 'the output of "a/"', given: 'new', path: join(root, 'new') }
  await expect(checkOutput(inWords, { root })).resolves.toBeUndefined()
  symlinkSync('nowhere/new.json', join(root, 'lost'))
  await expect(check('lost')).rejects.toThrow(`is a link into a folder that does not exist: ${root}/nowhere/new.json`)
  symlinkSync('own/new.json', join(root, 'fresh'))
  await expect(check('fresh')).resolves.toBeUndefined()
})

describe('an output that the kernel would refuse', () => {
  const long = 'x'.repeat(300)
  it.each([
    [long, 'its path, or a name in it, is too long', 'at most 255 bytes'],
    [`${long}/a`, 'its path, or a name in it, is too long', 'at most 255 bytes'],
    ['dir/'.repeat(1100), 'it names a folder', 'name a file in it'],
    [`${'dir/'.repeat(1100)}a`, 'its path, or a name in it, is too long', 'at most 255 bytes'],
    ['circle', 'is a link that leads in a circle', 'name another file'],
    ['circle/a', 'links in its path lead in a circle', 'repair or remove the links'],
    ['old.html/a', 'a part of its path is no folder', 'use another path'],
    ['old.html/a/b', 'a part of its path is no folder', 'use another path'],
    ['null\0byte', 'its path has a null byte', 'use another path'],
    ['lost-folder/a', 'nothing can be created in its folder', 'use another path'],
    ['kernel/x', 'it is in proc, a file system of the kernel without files of users', 'use another path'],
    ['kernel/self/comm', 'it is in proc, a file system of the kernel without files of users', 'use another path'],
  ])('is refused before anything is measured, with its option: %#', async (path, why, fix) => {
    if (!isLink(join(root, 'lost-folder'))) symlinkSync('no-such-folder', join(root, 'lost-folder'))
    if (!isLink(join(root, 'kernel'))) symlinkSync('/proc', join(root, 'kernel'))
    if (!isLink(join(root, 'circle'))) symlinkSync('circle', join(root, 'circle'))
    const error = await check(path).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      message: expect.stringContaining(`--out ${path}: `),
      fix: expect.stringContaining(fix),
    })
    expect((error as Error).message).toContain(why)
  })

  it('may have folders that do not exist yet', async () => {
    await expect(check('a/b/c.json')).resolves.toBeUndefined()
    expect(existsSync(join(root, 'a'))).toBe(false)
    expect(() => checkFolder('--records a/b', join(root, 'a/b'))).not.toThrow()
    expect(() => checkFolder('--records old.html', join(root, 'old.html'))).toThrow(
      `--records old.html: ${join(root, 'old.html')} cannot be written: a part of its path is no folder`,
    )
  })

  it('is a folder or a baseline, and the link to it leads to nothing', () => {
    for (const [name, target] of [
      ['lm', 'missing/x'],
      ['ln', 'absent'],
    ] as const)
      symlinkSync(target, join(root, name))
    const [lm, ln] = [join(root, 'lm'), join(root, 'ln')]
    const into = `--records lm: ${lm} is a link into a folder that does not exist: ${root}/missing/x`
    expect(() => checkFolder('--records lm', lm)).toThrow(into)
    expect(() => checkFolder('--records ln', ln)).toThrow(`--records ln: ${ln} is a link to nothing: ${root}/absent`)
    expect(() => checkReplaceable('--save-baseline n', ln)).toThrow(`--save-baseline n: ${ln} is a link to nothing`)
    expect(() => checkReplaceable('--save-baseline d', join(root, 'own'))).toThrow(`${join(root, 'own')} is a folder`)
    expect(() => checkReplaceable('--save-baseline m', join(root, 'old.html'))).not.toThrow()
    expect(() => checkReplaceable('--save-baseline m', join(root, 'no/such/main.jsonl'))).not.toThrow()
    expect(() => checkReplaceable('--save-baseline m', join(root, 'old.html/m'))).toThrow('a part of its path')
  })

  it.skipIf(process.getuid?.() === 0)('is refused in a folder of another user', async () => {
    chmodSync(join(root, 'own'), 0o500)
    await expect(check('own/a/b.json')).rejects.toThrow('this user has no permission')
    chmodSync(join(root, 'own'), 0o700)
  })
})

it('report refuses files that a reporter derives from its own', async () => {
  writeFileSync(join(root, 'x.smaller.json'), 'an earlier report')
  const bigger = join(root, 'x.bigger.json')
  linkSync(join(root, 'r.jsonl'), bigger)
  const options = { reporter: ['benchmark-action=x.json'], strict: false, all: false, json: false }
  await expect(report.run([join(root, 'r.jsonl')], options as never, io)).rejects.toThrow(
    `the reporter "benchmark-action=x.json" would overwrite a run record that this command reads: ${bigger}`,
  )
})

it('run and report keep every file that config, reporters and benches import, and run those of platforms', async () => {
  const folder = join(root, 'imports')
  const texts = {
    'isobench.config.mjs':
      "import options from './config.json' with { type: 'json' }\n" +
      "const native = { kind: 'native', name: 'native', tags: [], options, watchFiles: ['watched.txt'] }\n" +
      'export default { platforms: [native] }\n',
    'config.json': '{}',
    'watched.txt': 'w',
    'benches/a.bench.ts':
      "import text from '../data.txt' with { type: 'text' }\nimport data from '../data.json'\n" +
      "import { bench, lower, workload } from 'isobench'\n" +
      "const metrics = { duration: lower('ms') }\n" +
      'bench(text + data.n, workload("a", { metrics, run: async () => ({ duration: [1] }) }))\n',
    'data.json': '{ "n": 1 }',
    'data.txt': 't',
    'rep.mjs':
      "import words from './words.json'\nexport default {\n  name: 'r', description: 'r',\n" +
      '  create: ({ out }) => (out.write(words.head), {}),\n}\n',
    'words.json': '{ "head": "h" }',
    'old.json': 'old',
  }
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  symlinkSync('data.json', join(folder, 'linked.json'))
  const names = ['config.json', 'watched.txt', 'data.json', 'data.txt', 'words.json', 'linked.json']
  const dryRun = (reporter: string[]) => {
    const options = { ...checkOptions('isobench run', run.options, { reporter }), dryRun: true }
    return run.run([], options as never, { ...io, cwd: folder })
  }
  for (const name of names)
    await expect(dryRun([`./rep.mjs=${name}`])).rejects.toThrow(`would overwrite a file that this command reads: `)
  // The output of one reporter may be data of another one.
  await expect(dryRun(['json=words.json', './rep.mjs'])).rejects.toThrow(
    'would overwrite a file that this command reads',
  )
  for (const [name, text] of Object.entries(texts)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text)
  expect(await dryRun(['json=old.json'])).toBe(0)
  // A bench file that does not compile does not hide what the others import.
  writeFileSync(join(folder, 'benches/broken.bench.ts'), 'import {')
  for (const name of ['config.json', 'data.json', 'data.txt', 'linked.json']) {
    const options = { reporter: [`csv=${name}`], strict: false, all: false, json: false }
    const shown = report.run([join(root, 'r.jsonl')], options as never, { ...io, cwd: folder })
    await expect(shown).rejects.toThrow('would overwrite a file that a bench file or the config imports: ')
  }
  rmSync(join(folder, 'benches/broken.bench.ts'))
  for (const [name, text] of Object.entries(texts)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text)
})

it('run --save-baseline refuses a folder of that name before it measures', async () => {
  const folder = join(root, 'imports')
  mkdirSync(join(folder, '.isobench/baselines/dir.jsonl'), { recursive: true })
  const options = { ...checkOptions('isobench run', run.options, {}), dryRun: true, saveBaseline: 'dir' }
  await expect(run.run([], options as never, { ...io, cwd: folder })).rejects.toMatchObject({
    message: `--save-baseline dir: ${join(folder, '.isobench/baselines/dir.jsonl')} is a folder`,
    fix: 'remove or rename it, or use another name',
  })
})

it('plan --out keeps a plan, because shards may have been measured with it', async () => {
  const folder = join(root, 'project')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'isobench.config.mjs'),
    "export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }] }",
  )
  writeFileSync(join(folder, 'plan.json'), 'mine')
  const options = checkOptions('isobench plan', plan.options, { shards: ['2'], out: ['plan.json'] })
  await expect(plan.run([], options as never, { ...io, cwd: folder })).rejects.toMatchObject({
    message: `--out plan.json: ${join(folder, 'plan.json')} already exists`,
    fix: 'remove it, or name another file for the output',
  })
  expect(readFileSync(join(folder, 'plan.json'), 'utf8')).toBe('mine')
})

it('merge --out names the file that exists', async () => {
  const run = (out: string) => merge.run([join(root, 'r.jsonl')], { out: join(root, out), group: false } as never, io)
  await expect(run('old.html')).rejects.toThrow(`${join(root, 'old.html')} already exists`)
  await expect(run('hard')).rejects.toThrow('a run record that this command reads')
})
