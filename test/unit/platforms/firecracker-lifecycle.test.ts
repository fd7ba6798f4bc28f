/**
 * Firecracker's driver over a stand-in for its program. Its guest is isobench's agent on this host: all but the
 * monitor.
 */

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { HostArgv } from '../../../src/host/process.ts'
import type { GuestSandbox } from '../../../src/host/sandbox.ts'
import { firecracker } from '../../../src/platforms/firecracker.ts'
import { programPath } from '../../../src/util/assets.ts'
import { diskPath } from '../../../src/vm/disks.ts'
import { kernelPath } from '../../../src/vm/kernel.ts'
import { fakeSandbox } from './fake-sandbox.ts'

const perl = join(import.meta.dirname, '../../../src/vm/programs')

/**
 * Reads the configuration, has the guest call, and serves the API; a guest that gets the request to end ends it.
 * Without a configuration it waits for a snapshot. The state of that is the nonce of the guest.
 */
const standIn = `#!${process.execPath}
const { readFileSync, appendFileSync, writeFileSync } = require('node:fs')
const { spawn } = require('node:child_process')
const { createServer } = require('node:http')
if (process.argv.includes('--version')) { console.log('Firecracker v1.15.1'); process.exit(0) }
const after = (word) => process.argv[process.argv.indexOf(word) + 1]
let nonce
createServer((request, response) => {
  let body = ''
  request.on('data', (piece) => { body += piece })
  request.on('end', () => {
    appendFileSync('asked', request.method + ' ' + request.url + ' ' + body + '\\n')
    if (request.url === '/') 
      response.end(JSON.stringify({ app_name: 'Firecracker', id: 'x', state: 'Running', vmm_version: '1.15.1' }))
    else {
      const asked = body === '' ? {} : JSON.parse(body)
      if (request.url === '/snapshot/create') {
        writeFileSync(asked.snapshot_path, nonce)
        writeFileSync(asked.mem_file_path, 'memory')
      }
      if (request.url === '/snapshot/load') call(readFileSync(asked.snapshot_path, 'utf8'), 'vsock.sock')
      response.writeHead(204).end()
    }
  })
}).listen(after('--api-sock'))
const guest = 'require "${perl}/$_.pl" for "frames", "agent"; socket my $c, 1, 1, 0; ' +
  'connect $c, pack "S a108", 1, $ARGV[0]; unblock($c); serve($c, $ARGV[1])'
function call(its, socket) {
  nonce = its
  spawn('perl', ['-e', guest, socket + '_1024', nonce], { stdio: 'inherit' }).on('exit', () => process.exit(0))
}
if (process.argv.includes('--config-file')) {
  const config = JSON.parse(readFileSync(after('--config-file'), 'utf8'))
  call(/isobench\\.nonce=(\\w+)/.exec(config['boot-source'].boot_args)[1], config.vsock.uds_path)
}
`

let place: GuestSandbox
let binary: string
let kernel: string
let conductor: number
const conductors: number[] = []
const before = process.env.ISOBENCH_CACHE

beforeAll(() => {
  const made = fakeSandbox().place
  const { stateDir: directory } = made
  process.env.ISOBENCH_CACHE = join(directory, 'cache')
  binary = join(directory, 'firecracker')
  writeFileSync(binary, standIn)
  chmodSync(binary, 0o755)
  kernel = join(directory, 'vmlinux')
  writeFileSync(kernel, '')
  const cached = kernelPath({ kernel, modules: undefined })
  mkdirSync(cached, { recursive: true })
  for (const name of ['release', 'vmlinux', 'initramfs']) writeFileSync(join(cached, name), name)
  const rootfs = join(directory, 'rootfs')
  mkdirSync(rootfs)
  mkdirSync(dirname(diskPath(rootfs)), { recursive: true })
  writeFileSync(diskPath(rootfs), '')
  place = withProcesses(made, rootfs)
})

/** A sandbox with processes of this host. */
const withProcesses = (made: GuestSandbox, rootfs: string): GuestSandbox =>
  Object.assign(made, {
    rootfs,
    wrap: (argv: HostArgv) => argv,
    wrapWithTap: (argv: HostArgv) => argv,
    run: async ([file, ...args]: HostArgv) => {
      const { status, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 })
      if (status !== 0) throw new Error(stderr)
    },
    spawn: async ([file, ...args]: HostArgv) => {
      conductor = spawn(file, args, { stdio: 'ignore', detached: true }).pid!
      conductors.push(conductor)
      return conductor
    },
  })
afterAll(() => {
  for (const pid of conductors)
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  if (before === undefined) delete process.env.ISOBENCH_CACHE
  else process.env.ISOBENCH_CACHE = before
  rmSync(place.stateDir, { recursive: true, force: true })
})

const run = ([file, ...args]: HostArgv) => spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 })

it.skipIf(!existsSync(programPath('supervisor.pl')))(
  'opens a guest, enters commands into it, pauses it and lets it go on; and ends with one command',
  async () => {
    const options = firecracker.options.parse({ binary, kernel })
    const handle = await firecracker.boot(place, options)
    expect(run(handle.execArgv(['sh', '-c', 'echo "$1"; exit 7', 'sh', 'a b']))).toMatchObject({
      stdout: 'a b\n',
      status: 7,
    })
    await handle.pause!()
    await handle.resume!()
    expect(run(handle.execArgv(['true'])).status).toBe(0)
    const asked = readFileSync(join(place.stateDir, 'asked'), 'utf8').trim().split('\n')
    expect(asked).toEqual(['GET / ', 'PATCH /vm {"state":"Paused"}', 'PATCH /vm {"state":"Resumed"}'])
    process.kill(conductor, 'SIGKILL')
    // Its guest has nobody to talk to any more, and so it ends.
    await vi.waitUntil(() => run(handle.execArgv(['true'])).status === 125, { timeout: 10_000 })
    rmSync(join(place.stateDir, 'api.sock'))
    rmSync(join(place.stateDir, 'data.ext4'))

    const once = run(await firecracker.oneShot(place, ['sh', '-c', 'echo once; exit 3'], options))
    expect(once).toMatchObject({ stdout: 'once\n', stderr: '', status: 3 })
  },
)

it.skipIf(!existsSync(programPath('supervisor.pl')))(
  'saves a guest, and starts another one with its agent and another tap from the snapshot',
  async () => {
    const options = firecracker.options.parse({ binary, kernel })
    const { boot, save, restore } = firecracker.snapshots!
    const [first, second] = [fakeSandbox(), fakeSandbox()].map((made) => withProcesses(made.place, place.rootfs))
    await boot!(first!, options)
    const folder = join(first!.stateDir, 'snapshot')
    mkdirSync(folder)
    await save(first!, folder, options)
    const handle = await restore(second!, folder, options)
    expect(run(handle.execArgv(['echo', 'restored']))).toMatchObject({ stdout: 'restored\n', status: 0 })
    const asked = (of: GuestSandbox) =>
      readFileSync(join(of.stateDir, 'asked'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(/ (?=\{)/))
        .map(([request, body = '{}']) => [request, JSON.parse(body)])
    const [state, memory] = [join(folder, 'state'), join(folder, 'memory')]
    expect(asked(first!)).toEqual([
      ['PATCH /vm', { state: 'Paused' }],
      ['PUT /snapshot/create', { snapshot_type: 'Full', snapshot_path: state, mem_file_path: memory }],
    ])
    expect(asked(second!)).toEqual([
      [
        'PUT /snapshot/load',
        {
          snapshot_path: state,
          mem_backend: { backend_type: 'File', backend_path: memory },
          resume_vm: true,
          network_overrides: [{ iface_id: 'eth0', host_dev_name: 'isob0' }],
        },
      ],
    ])
    for (const { stateDir } of [first!, second!]) rmSync(stateDir, { recursive: true, force: true })
  },
)

it('saves no guest of a jailed Firecracker, and says so', async () => {
  const options = firecracker.options.parse({ binary, kernel, jailer: true })
  expect(await firecracker.snapshots!.preflight!(options)).toMatchObject({
    fix: expect.stringContaining('jailer') as string,
  })
})
