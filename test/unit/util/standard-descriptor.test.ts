import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'isobench-descriptor-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What user code may do, each by a name that it prints. */
const actions = {
  spawn: `await once(spawn('echo', ['spawn'], { stdio: 'inherit' }), 'close')`,
  'spawn a': `await once(spawn('echo', ['spawn a'], { stdio: ['ignore', 'inherit', 'pipe'] }), 'close')`,
  'spawn 1': `await once(spawn('echo', ['spawn 1'], { stdio: [0, 1, 2] }), 'close')`,
  'spawn s': `await once(spawn('echo', ['spawn s'], { stdio: ['pipe', process.stdout, 'pipe'] }), 'close')`,
  'spawn 3': `await once(spawn('sh', ['-c', 'echo spawn 3 >&3'], { stdio: ['pipe', 'pipe', 'pipe', 1] }), 'close')`,
  fork: `await once(fork(process.argv[1], ['fork']), 'close')`,
  spawnSync: `spawnSync('echo', ['spawnSync'], { stdio: 'inherit' })`,
  execSync: `execSync('echo execSync', { stdio: [0, 'inherit', 'inherit'] })`,
  execFileSync: `execFileSync('echo', ['execFileSync'], { stdio: 'inherit' })`,
  common: `createRequire('/')('child_process').execSync('echo common', { stdio: 'inherit' })`,
  writeSync: `writeSync(1, 'writeSync\\n')`,
  write: `await promisify(write)(1, 'write\\n')`,
  writevSync: `writevSync(1, [Buffer.from('writevSync\\n')])`,
  writeFileSync: `writeFileSync(1, 'writeFileSync\\n')`,
  appendFileSync: `appendFileSync(1, 'appendFileSync\\n')`,
  writeFile: `await promisify(writeFile)(1, 'writeFile\\n')`,
  createWriteStream: `await new Promise((done) => createWriteStream('', { fd: 1 }).end('createWriteStream\\n', done))`,
  closeSync: `for (const descriptor of [0, 1, 2]) closeSync(descriptor); console.error('closeSync')`,
  close: `for (const descriptor of [0, 1, 2]) await promisify(close)(descriptor); console.error('close')`,
} as const

const program = `
import { execFileSync, execSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, close, closeSync, createWriteStream } from 'node:fs'
import { write, writeFile, writeFileSync, writeSync, writevSync } from 'node:fs'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { redirectStandardDescriptor } from './src/util/standard-descriptor.ts'
import { flushed, takeStandardOutput } from './src/util/standard-output.ts'
if (process.argv[2] === 'fork') console.log('fork')
else {
  const out = takeStandardOutput(process)
  redirectStandardDescriptor()
  redirectStandardDescriptor()
  out.write('report 1\\n')
  const own = execSync('echo own; echo other >&2', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const piped = spawnSync('echo', ['piped'], { encoding: 'utf8' }).stdout
  const { bytesWritten } = await promisify(write)(2, '')
  for (const action of [${Object.values(actions).map((code) => `async () => { ${code} }`)}]) await action()
  out.write('report 2 ' + JSON.stringify([own, piped, bytesWritten]) + '\\n')
  await flushed(process.stdout)
}
`

beforeAll(() => {
  buildSync({
    stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' },
    outfile: join(folder, 'program.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
})

describe('user code that writes to the descriptor of standard output', () => {
  it.each(['a pipe', 'a file'])('reaches standard error if standard output is %s', (kind) => {
    const redirect = kind === 'a file' ? `> '${join(folder, 'out')}'; status=$?; cat '${join(folder, 'out')}'` : ''
    const script = `'${process.execPath}' '${join(folder, 'program.mjs')}' ${redirect}; exit $status`
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
    expect(stdout).toBe('report 1\nreport 2 ["own\\n","piped\\n",0]\n')
    expect(stderr.split('\n')).toEqual([...Object.keys(actions), ''])
    expect(status).toBe(0)
  })
})
