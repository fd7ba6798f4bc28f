/**
 * What isobench itself costs, as ratios of things measured side by side in this run: `npm run bench:self [-- part…]`.
 * Parts: list, fidelity, overhead, aa, machines, watch, leftovers, tracing, tools, suite, client. Needs root, and hyperfine for
 * `fidelity`. `--boots` and `--platform` are for `fidelity`, `machines` (drivers) and `leftovers` (names of the config),
 * `--platform` also for `tracing` (drivers), `tools` (one name) and `suite`, `--only` (parts of rows' names) for `tools`, `--runs`
 * for `aa`, as rounds, `tracing` and, as alternations, `tools`, `--by` (an instrument) for `tracing`, `--kill` (how many boots, at random
 * moments) and `--seed` for `leftovers`.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '../src/core/stats/index.ts'
import { aa } from './evidence/aa.ts'
import { client } from './evidence/client.ts'
import { fidelity } from './evidence/fidelity.ts'
import { leftovers } from './evidence/leftovers.ts'
import { suite } from './evidence/suite.ts'
import { tools } from './evidence/tools.ts'
import { instruments, tracing } from './evidence/tracing.ts'
import { machines } from './evidence/vms.ts'
import { watch } from './evidence/watch.ts'

const root = process.cwd()
const say = (text: string) => process.stdout.write(`${text}\n`)

function secondsOf(command: string, args: string[], cwd: string): number {
  const started = performance.now()
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}: ${stderr}`)
  return (performance.now() - started) / 1000
}

/** `isobench list` on this repository against `vitest list` on as many files with as many tests, in turns. */
function list(): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-self-'))
  try {
    cpSync(join(root, 'benches'), join(folder, 'benches'), { recursive: true })
    cpSync(join(root, 'isobench.config.ts'), join(folder, 'isobench.config.ts'))
    const files = readdirSync(join(folder, 'benches'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.bench.ts'),
    )
    mkdirSync(join(folder, 'tests'))
    for (const [at] of files.entries()) {
      const test = `import { expect, test } from 'vitest'\ntest('test ${at}', () => { expect(1).toBe(1) })\n`
      writeFileSync(join(folder, 'tests', `${at}.test.ts`), test)
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const isobench = () => secondsOf('node', [join(root, 'bin/isobench.js'), 'list'], folder)
    const vitest = () =>
      secondsOf('node', [join(root, 'node_modules/vitest/vitest.mjs'), 'list', '--dir', 'tests'], folder)
    isobench()
    vitest()
    const times = Array.from({ length: 7 }, () => [isobench(), vitest()] as const)
    const [ours, theirs] = [median(times.map(([a]) => a)), median(times.map(([, b]) => b))]
    say(
      `list: ${files.length} files: isobench ${ours.toFixed(2)} s, vitest ${theirs.toFixed(2)} s: ${(theirs / ours).toFixed(1)} × faster (wanted: 5)`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Wall time of a run over the sum of what its samples took. */
function overhead(): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-self-'))
  try {
    const file = join(folder, 'report.json')
    const started = performance.now()
    const args = [
      join(root, 'bin/isobench.js'),
      'run',
      'prime',
      'copy',
      'throughput',
      'boot',
      '--platform',
      'native,runc,gvisor',
      '--rounds',
      '5',
      '--wait-for-lock',
      '--reporter',
      `json=${file}`,
    ]
    const { status, stderr } = spawnSync('node', args, { cwd: root, encoding: 'utf8' })
    if (status !== 0 && status !== 1) throw new Error(`the run ended with ${status}: ${stderr}`)
    const wall = performance.now() - started
    const { record } = JSON.parse(readFileSync(file, 'utf8')) as { record: string }
    const samples = readFileSync(record, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"sample"'))
      .map((line) => JSON.parse(line).sample.wallMs as number)
    const took = samples.reduce((sum, ms) => sum + ms, 0)
    say(
      `overhead: ${(wall / 1000).toFixed(1)} s of wall time for ${(took / 1000).toFixed(1)} s of samples: ${(wall / took).toFixed(3)} (wanted: at most 1.15)`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What was asked for; a mistake on the command line is told, with what there is. */
function asked() {
  try {
    return parseArgs({
      args: process.argv.slice(3),
      options: {
        boots: { type: 'string' },
        platform: { type: 'string' },
        only: { type: 'string' },
        runs: { type: 'string' },
        by: { type: 'string' },
        kill: { type: 'string', default: '0' },
        seed: { type: 'string', default: '1' },
      },
      allowPositionals: true,
    })
  } catch (error) {
    return fail((error as Error).message)
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\nparts and options: the top of scripts/bench-self.ts\n`)
  process.exit(5)
}

const { positionals: wanted, values: given } = asked()

function chosenInstruments() {
  const by = instruments.filter((one) => given.by === undefined || one === given.by)
  return by.length > 0 ? by : fail(`--by takes ${instruments.join(' or ')}, not "${given.by}"`)
}

const names = given.platform?.split(',')
const parts: Readonly<Record<string, () => Promise<void> | void>> = {
  list,
  fidelity: () => fidelity({ boots: Number(given.boots ?? 80), names }, say),
  overhead,
  aa: () => aa(root, Number(given.runs ?? 10), say),
  machines: () => machines({ boots: Number(given.boots ?? 10), names }, say),
  watch: () => watch(root, say),
  leftovers: () =>
    leftovers(root, { boots: Number(given.boots ?? 100), kill: Number(given.kill), seed: given.seed, names }, say),
  tracing: () =>
    tracing(
      root,
      {
        platforms: names ?? ['native', 'runc', 'gvisor'],
        rounds: Number(given.runs ?? 5),
        by: chosenInstruments(),
      },
      say,
    ),
  tools: () =>
    tools(
      root,
      { platform: given.platform ?? 'runc', only: given.only?.split(',') ?? [], alternations: Number(given.runs ?? 5) },
      say,
    ),
  suite: () => suite(root, given.platform ?? 'native,runc,crun,gvisor,lxc,docker', say),
  client: () => client(root, say),
}
for (const name of wanted) if (!Object.hasOwn(parts, name)) fail(`bench:self has no part "${name}"`)
for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part()
