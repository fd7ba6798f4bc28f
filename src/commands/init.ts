import { appendFileSync, existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { exitCodes } from '../core/judge/exit-code.ts'
import { isObject } from '../dsl/checked.ts'
import { shellWord } from '../reporters/headline/next-steps.ts'
import { packageFolder } from '../util/assets.ts'
import { UsageError } from '../util/errors.ts'
import { explainWrites, isRegularFile, linesOf, writeNewFile } from '../util/files.ts'
import { writeOutput } from '../util/outputs.ts'
import { withoutBom } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'

const files: Readonly<Record<string, string>> = {
  'isobench.config.ts': `import { defineConfig, platform } from 'isobench'

const config = defineConfig({
  include: ['benches/**/*.bench.ts'],
  guest: { cpus: 1, memory: '1GiB' },
  platforms: [platform('native'), platform('runc'), platform('gvisor', { mode: 'systrap' })],
})
export default config

// Claims may name only the platforms above.
declare module 'isobench' {
  interface Register {
    config: typeof config
  }
}
`,
  'benches/hello.bench.ts': `import { bench, expect, higher, workload } from 'isobench'
import { sysbench } from 'isobench/tools'

const primes = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds }))
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})

bench('prime verification', primes, {
  expect: { events: expect.withinNative(10) },
})
`,
}

/** Only for editors and `tsc`: isobench compiles bench files itself. */
const tsconfig = `{
  "compilerOptions": {
    "strict": true,
    "module": "NodeNext",
    "target": "ES2023",
    "lib": ["ES2023", "ESNext.Disposable"],
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["isobench.config.ts", "benches"]
}
`

export const command = defineCommand({
  description:
    'Writes isobench.config.ts, an example bench and a tsconfig.json into the current directory, ignores .isobench ' +
    'in git, and adds the script "bench" to package.json. It never overwrites a file or a script.',
  options: {},
  examples: [{ line: 'init && npx isobench run --install', description: 'start a project and measure it' }],
  run: async (_args, _options, io) => init(io),
})

function init(io: CommandIo): number {
  checkPaths(io.cwd)
  for (const [name, text] of Object.entries(files)) writeNew(io, name, text)
  if (isTaken(join(io.cwd, 'tsconfig.json')))
    io.out.write('kept tsconfig.json; it needs "module": "NodeNext" and the folder benches\n')
  else writeNew(io, 'tsconfig.json', tsconfig)
  ignoreRecords(io)
  addScript(io)
  if (!isInstalled(io.cwd)) io.out.write(`isobench is not installed here. First: ${installCommand()}\n`)
  io.out.write('Next: npx isobench run --install\n')
  return exitCodes.clean
}

/** @throws {UsageError} before anything is written */
function checkPaths(cwd: string): void {
  for (const folder of new Set(Object.keys(files).map(dirname)))
    if (isTaken(join(cwd, folder)) && !statSync(join(cwd, folder), { throwIfNoEntry: false })?.isDirectory())
      throw new UsageError(
        `isobench init: ${folder} is no folder, and the example bench needs a folder of that name.`,
        'move it away, or use another directory.',
      )
  const existing = Object.keys(files).filter((name) => isTaken(join(cwd, name)))
  if (existing.length > 0)
    throw new UsageError(
      `isobench init: ${existing.join(' and ')} already ${existing.length === 1 ? 'exists' : 'exist'}.`,
      `move ${existing.length === 1 ? 'it' : 'them'} away, or use another directory.`,
    )
  for (const name of ['.gitignore', 'package.json'])
    if (isTaken(join(cwd, name)) && !isRegularFile(join(cwd, name)))
      throw new UsageError(
        `isobench init: ${name} is no regular file, and isobench adds a line to it.`,
        'move it away, or use another directory.',
      )
}

/** Whether a name is in use, also by a link that leads nowhere. */
const isTaken = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

function writeNew({ cwd, out }: CommandIo, name: string, text: string): void {
  const file = join(cwd, name)
  explainWrites(file, () => writeNewFile(file, text))
  out.write(`wrote ${name}\n`)
}

/** Run records and compiled files do not belong into a repository. */
function ignoreRecords({ cwd, out }: CommandIo): void {
  const file = join(cwd, '.gitignore')
  const lines = linesOf(file)
  if (lines.some((line) => /^\/?\.isobench\/?\s*$/.test(line))) return
  const separator = lines.length > 0 && lines.at(-1) !== '' ? '\n' : ''
  const line = `${separator}.isobench/\n`
  explainWrites(file, () => (isTaken(file) ? appendFileSync(file, line) : writeNewFile(file, line)))
  out.write('added .isobench/ to .gitignore\n')
}

/** Whether `npx isobench` and `import 'isobench'` find the package: it is installed, or this is a folder of it. */
function isInstalled(cwd: string): boolean {
  const require = createRequire(join(cwd, 'isobench.config.ts'))
  return (require.resolve.paths('isobench') ?? []).some((folder) => existsSync(join(folder, 'isobench')))
}

/** Installs the isobench that runs. By its path, because anyone may take its name in the npm registry. */
const installCommand = (): string => `npm install --save-dev ${shellWord(packageFolder())}`

/** Adds the script and keeps the indentation of the file. A file that is no JSON object stays as it is. */
function addScript({ cwd, out }: CommandIo): void {
  const keep = (why: string) => out.write(`kept package.json, without a script for isobench: ${why}\n`)
  const file = join(cwd, 'package.json')
  if (!existsSync(file)) return
  const text = readFileSync(file, 'utf8')
  let content: unknown
  try {
    content = JSON.parse(withoutBom(text))
  } catch {
    keep('it is no valid JSON')
    return
  }
  if (!isObject(content)) {
    keep('it is no JSON object')
    return
  }
  const { scripts = {} } = content as { readonly scripts?: Readonly<Record<string, string>> }
  if (Object.hasOwn(scripts, 'bench')) {
    if (scripts.bench !== 'isobench run') keep('it has another script "bench"')
    return
  }
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? '  '
  const changed = { ...content, scripts: { ...scripts, bench: 'isobench run' } }
  // With the byte order mark that the file had.
  const mark = text.slice(0, text.length - withoutBom(text).length)
  writeOutput(file, `${mark}${JSON.stringify(changed, null, indent)}\n`)
  out.write('added the script "bench" to package.json: npm run bench\n')
}
