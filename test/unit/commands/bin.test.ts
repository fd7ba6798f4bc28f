import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

it('bin/isobench.js says how to build a checkout that has no dist/', () => {
  const root = mkdtempSync(join(tmpdir(), 'isobench-bin-'))
  try {
    mkdirSync(join(root, 'bin'))
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
    copyFileSync('bin/isobench.js', join(root, 'bin/isobench.js'))
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/isobench.js'), 'run'], {
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([5, '', 'error  isobench is not built. Run: npm run build\n'])
  } finally {
    rmSync(root, { recursive: true })
  }
})

const bin = fileURLToPath(new URL('../../../bin/isobench.js', import.meta.url))
const built = existsSync(new URL('../../../dist/bin.js', import.meta.url))

describe.skipIf(!built)('the built command line', () => {
  const config = (code = '') => `import { defineConfig, platform } from 'isobench'
${code}
export default defineConfig({ platforms: [platform('native')] })`
  const bench = `import { bench, higher, workload } from 'isobench'
bench('one', workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) }))`
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'isobench-bin-'))
    mkdirSync(join(root, 'benches'))
    writeFileSync(join(root, 'isobench.config.ts'), config())
    writeFileSync(join(root, 'benches/a.bench.ts'), bench)
    writeFileSync(join(root, 'benches/other.bench.ts'), bench)
  })
  afterAll(() => rmSync(root, { recursive: true }))

  /** @param command of a shell, with `ISO` for isobench */
  const shell = (command: string, cwd = root) => {
    // A dist/ that is older than these tests may never end.
    const script = `ISO() { timeout 25 '${process.execPath}' '${bin}' "$@"; }; ${command}`
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, GITHUB_ACTIONS: undefined },
    })
    return { status, stdout, stderr }
  }

  it('ends with one line and code 5 in a folder that was removed, and prints its version there', () => {
    const { status, stdout, stderr } = shell('mkdir gone && cd gone && rmdir ../gone && ISO --version && ISO list')
    expect(stdout).toMatch(/^isobench\/\S+ linux-\S+ node-v\d+\.\d+\.\d+\n$/)
    expect([status, stderr]).toEqual([
      5,
      'error  the current folder was removed (ISOBENCH_USAGE)\n       fix: change to a folder that exists: cd "$PWD"\n',
    ])
  })

  it('shows places relative to the folder of the command line, if the config changes the current one', () => {
    const { status, stdout, stderr } = shell(
      `mkdir moves && cd moves && printf '%s' "import { mkdirSync, rmdirSync } from 'node:fs'
mkdirSync('gone'); process.chdir('gone'); rmdirSync('../gone')
throw new Error('no luck')" > isobench.config.ts; ISO list`,
    )
    expect([status, stdout, stderr.split('\n')[0]]).toEqual([5, '', 'error  isobench.config.ts:3:7  no luck'])
  })

  it.each([
    'ISO list > /dev/full',
    'ISO --help > /dev/full',
    'ulimit -f 0; ISO --help > out',
    // Only a part fits.
    'head -c 1000 /dev/zero > out; ulimit -f 1; ISO --help >> out',
  ])('ends with one line and code 5 if standard output cannot be written: %s', (command) => {
    const { status, stderr } = shell(command)
    expect(stderr).toMatch(/^error {2}standard output cannot be written: \w+: .*\n$/)
    expect(status).toBe(5)
  })

  it('ignores a standard error that cannot be written', () => {
    const { stdout } = shell('ISO list')
    expect(shell('ISO list 2> /dev/full')).toEqual({ status: 0, stdout, stderr: '' })
    expect(shell('ISO no-such-bench 2> /dev/full').status).toBe(5)
  })

  it('annotates an error before a run on GitHub', () => {
    const { status, stdout, stderr } = shell('GITHUB_ACTIONS=true ISO no-such-bench')
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' })
    expect(stderr).toMatch(/^error .*\n(?:.*\n)*::error title=isobench cannot run::.*no-such-bench.*\n/)
    expect(shell('ISO no-such-bench').stderr).not.toContain('::error')
  })

  it('annotates that the project changed a builtin', () => {
    writeFileSync(join(root, 'late.config.ts'), config('setTimeout(() => { JSON.stringify = String }, 0)'))
    const { stderr } = shell('GITHUB_ACTIONS=true ISO list no-such-bench --config late.config.ts')
    expect(stderr).toMatch(/^::error title=isobench cannot run::.* changed JSON.stringify, .* fix: restore it /m)
  })

  it('passes findings without a record, and fails them with an option that needs one, as judge does', () => {
    const judged = shell('ISO judge')
    expect(judged.stderr).toContain('there is no run record yet')
    expect(shell('ISO findings').status).toBe(0)
    for (const option of ['--strict', '--strict-findings', '--require complete', '--markdown', '--json'])
      expect(shell(`ISO findings ${option}`), option).toEqual({ ...judged, stdout: '' })
  })

  it.each(['judge', 'report', 'findings --record'])('says that a folder is no record: %s', (command) => {
    const { status, stderr } = shell(`ISO ${command} benches`)
    expect(stderr).toMatch(/^error {2}benches is a folder, not a run record \(ISOBENCH_USAGE\)\n {7}fix: name a file/)
    expect(status).toBe(5)
  })

  it('is silent if the reader of its output goes away', () => {
    expect(shell('set -o pipefail; ISO list --json | true')).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('sends what the config prints to standard error', () => {
    writeFileSync(join(root, 'loud.config.ts'), config("console.log('hello'); process.stdout.write('again\\n')"))
    const { stdout, stderr } = shell('ISO list --json --config loud.config.ts')
    expect(stderr).toBe('hello\nagain\n')
    expect(JSON.parse(stdout)).toBeTruthy()
  })

  it.each([
    'JSON.stringify = () => { throw new Error() }',
    'Reflect.deleteProperty(globalThis, "process")',
    'process.stderr.write = () => { throw new Error() }; Array.prototype.map = () => []',
    'Buffer.from = () => { throw new Error() }; await new Promise((r) => setTimeout(r, 200))',
    'process.setuid(65534)',
    'Object.freeze(Error.prototype)',
  ])('ends with 5 and names the config that affects its process: %s', (code) => {
    writeFileSync(join(root, 'changing.config.ts'), config(code))
    const { status, stderr } = shell('ISO list --config changing.config.ts')
    expect([
      status,
      stderr.match(/^error {2}changing.config.ts(:1:\d+|:2:\d+)? {2}it (changed|called|froze) /)?.length,
    ]).toEqual([5, 3])
    expect(stderr).not.toContain('bug in isobench')
  })

  it.each([
    [
      'ESBUILD_BINARY_PATH=/bin/false',
      'esbuild, which compiles bench files, does not run: .*',
      'unset ESBUILD_BINARY_PATH',
    ],
    ["NODE_OPTIONS='--experimental-permission --allow-fs-read=*'", '.*restricted', 'run Node.js without --permission'],
  ])('ends with 5 and names what in the environment breaks it: %s', (variable, error, fix) => {
    const { status, stderr } = shell(`export ${variable}; ISO list`)
    expect([status, stderr]).toEqual([
      5,
      expect.stringMatching(new RegExp(`^error {2}${error}\\S*\n +fix: ${fix}`, 'm')),
    ])
  })

  it('prints what bench files print, although the config replaces the function that does', () => {
    writeFileSync(join(root, 'mute.config.ts'), config('process.stderr.write = () => true'))
    writeFileSync(join(root, 'benches/loud.bench.ts'), `console.log('from the bench')\n${bench}`)
    const { status, stderr } = shell('ISO list --config mute.config.ts; code=$?; rm benches/loud.bench.ts; exit $code')
    expect([status, stderr]).toEqual([0, 'stdout | benches/loud.bench.ts\nfrom the bench\n'])
  })

  it('plan replaces neither a link of --out nor what it leads to', () => {
    const make = 'echo old > target.json; ln -s target.json link.json'
    const { status, stderr } = shell(`${make}; ISO plan --shards 2 --out link.json`)
    expect(stderr).toMatch(/--out link\.json: .* already exists/)
    expect(status).toBe(5)
    expect(lstatSync(join(root, 'link.json')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(root, 'target.json'), 'utf8')).toBe('old\n')
  })

  it('sends what a bench file prints to standard error, and shows names without control characters', () => {
    const loud = `console.log('from the bench')\n${bench.replace("'one'", "'a\\u001b[31m\\nb'")}`
    writeFileSync(join(root, 'benches/loud.bench.ts'), loud)
    const { stdout, stderr } = shell('ISO list loud')
    rmSync(join(root, 'benches/loud.bench.ts'))
    expect(stderr).toBe('stdout | benches/loud.bench.ts\nfrom the bench\n')
    expect(stdout.split('\n')[1]).toMatch(/^ {2}a\S*b/)
    expect(stdout).not.toContain('\u001b')
  })

  it('refuses options of a comparison if neither the command line nor the config names a baseline', () => {
    const { status, stdout, stderr } = shell('ISO run --dry-run --margin 3')
    expect([status, stdout]).toEqual([5, ''])
    expect(stderr).toContain('isobench run: --margin means nothing without --baseline.')
    writeFileSync(join(root, 'compared.config.ts'), config().replace('Config({', "Config({ baseline: 'main',"))
    const first = shell('ISO run --dry-run --margin 3 --config compared.config.ts')
    expect([first.status, first.stderr]).toEqual([
      0,
      'There is no baseline "main" yet. Save one with: isobench run --save-baseline main\n',
    ])
    expect(shell('ISO run --dry-run --baseline main --config compared.config.ts').status).toBe(5)
  })

  it('refuses the difference between a platform and itself', () => {
    const { status, stderr } = shell('ISO attack-profile diff runc runc')
    expect(status).toBe(5)
    expect(stderr).toContain('diff requires two platforms, not "runc" twice.')
    expect(stderr).toContain('isobench attack-profile show runc')
  })

  it('refuses .only where CI is 1', () => {
    writeFileSync(join(root, 'benches/only.bench.ts'), bench.replace('bench(', 'bench.only('))
    const outcome = shell('CI=1 ISO run --dry-run')
    rmSync(join(root, 'benches/only.bench.ts'))
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toContain('only')
  })

  it('ends a dry run with 5 if a bench cannot be used, and still shows the plan of the others', () => {
    expect(shell('ISO run --dry-run').status).toBe(0)
    writeFileSync(join(root, 'benches/twice.bench.ts'), `${bench}\n${bench.split('\n')[1]}`)
    const { status, stdout, stderr } = shell('ISO run --dry-run')
    rmSync(join(root, 'benches/twice.bench.ts'))
    expect(`${stdout}${stderr}`).toContain('two benches are named "one"')
    expect(stdout).toContain('benches/a.bench.ts#one')
    expect(status).toBe(5)
  })

  it.each([
    ["Promise.reject(new Error('no database'))", 'an error that no code handles: no database'],
    ["queueMicrotask(() => { throw 'text' })", 'an error that no code handles: text'],
    ['process.exit(0)', 'it called process.exit(0); throw an error instead'],
    ["throw Object.assign(new Error('a'), { location: { start: 1 }, fix: { text: '' } })", 'a'],
  ])('reports an error of the config that nothing handles: %s', (code, message) => {
    writeFileSync(join(root, 'broken.config.ts'), config(code))
    const { status, stdout, stderr } = shell('ISO list --config broken.config.ts')
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' })
    expect(stderr).toMatch(/^error {2}broken\.config\.ts/)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
  })

  const record = fileURLToPath(new URL('../../fixtures/records/prime-latency-boot.jsonl', import.meta.url))
  let statusWithout: number | undefined
  it.each([
    [
      'a timer',
      'setTimeout(() => { throw new Error("late") }, 1)',
      /r\.ts:2:\d+ {2}the reporter ".\/r\.ts" left an error that no code handles: late/,
    ],
    ['a promise', 'void Promise.reject(new Error("late"))', /error {2}r\.ts:2:\d+ .*: late/],
    ['process.exit', 'process.exit(0)', /it called process\.exit\(0\)/],
    ['process.exit in a timer', 'setTimeout(() => process.exit(0), 1)', /it called process\.exit\(0\)/],
    ['process.exitCode', 'process.exitCode = 0', /^$/],
    ['an interval', 'setInterval(() => {}, 1000)', /^$/],
  ])('never ends with another code because of %s in a reporter', (_, code, said) => {
    const wait = code.includes('setTimeout') ? 'await new Promise((r) => setTimeout(r, 50))' : ''
    const reporter = `export default { name: 'r', description: '', create: () => ({ async onFinish() {
      ${code}; ${wait} } }) }`
    writeFileSync(join(root, 'r.ts'), reporter)
    statusWithout ??= shell(`ISO judge '${record}'`).status!
    const { status, stderr } = shell(`ISO judge '${record}' --reporter ./r.ts`)
    expect(stderr).toMatch(said)
    expect(stderr).not.toContain('    at ')
    expect([statusWithout, status], 'a claim that fails comes first').toEqual([1, 1])
  })

  it('states the code 5 last if a reporter leaves an error after a command that is clean', () => {
    const hook = 'onFinish() { void Promise.reject(new Error("late")) }'
    writeFileSync(join(root, 'r.ts'), `export default { name: 'r', description: '', create: () => ({ ${hook} }) }`)
    const { status, stderr } = shell(`ISO report '${record}' --reporter ./r.ts`)
    expect(stderr).toMatch(/\nexit code 5: code of the project left an error that no code handles\n$/)
    expect(status).toBe(5)
  })

  it('ends with 5, not with 0, if nothing is left to wait for before there is a verdict', () => {
    const never = 'data:text/javascript,Promise.race=()=>new Promise(()=>{})'
    const { status, stderr } = shell(`timeout 25 '${process.execPath}' --import '${never}' '${bin}' list`)
    expect(stderr).toMatch(/^error {2}isobench waits for something that never happens, and ends\./)
    expect(status).toBe(5)
  })

  it.each([
    ['./benches/a.bench.ts', '.'],
    ['"$PWD/benches/a.bench.ts"', '.'],
    ['./a.bench.ts', 'benches'],
    ['../benches/a.bench.ts', 'benches'],
    ['a.bench', '.'],
  ])('selects the file %s from the folder %s', (filter, folder) => {
    const { stdout, stderr } = shell(`ISO list ${filter}`, join(root, folder))
    expect(stderr).toBe('')
    expect(stdout).toContain('a.bench.ts')
    expect(stdout).not.toContain('other.bench.ts')
  })

  it.runIf(process.getuid!() === 0)('writes no file that other users can write to, whatever the umask is', () => {
    expect(shell('umask 0; ISO list').status).toBe(0)
    expect(shell('find .isobench -perm /022').stdout).toBe('')
  })

  it('selects all files of a folder by its path', () => {
    expect(shell('ISO list ./benches').stdout).toMatch(/a\.bench\.ts[\s\S]*other\.bench\.ts/)
  })
})
