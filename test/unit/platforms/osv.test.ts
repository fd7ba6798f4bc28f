import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GuestSandbox } from '../../../src/host/sandbox.ts'
import {
  commandLine,
  filesOf,
  firecrackerConfig,
  formatOf,
  optionsSchema,
  ownFiles,
} from '../../../src/platforms/osv.ts'
import {
  command,
  ffmpeg,
  fio,
  iperf3,
  mariadb,
  mbw,
  memcached,
  memory,
  netperf,
  sysbench,
} from '../../../src/tools/index.ts'
import { programPath } from '../../../src/util/assets.ts'
import { UnsupportedError } from '../../../src/util/errors.ts'

const image = { command: '--rootfs=rofs --nomount /hello 1', programs: { sysbench: '/sysbench.so' } }
const line = (...argv: string[]) => commandLine(image, argv, ['--ip=eth0,198.18.0.2,255.255.255.252'])

describe('the command line of an OSv kernel', () => {
  it("has OSv's options, the address, and the image's own command for a boot", () => {
    expect(line('/bin/busybox', 'echo', 'booted')).toBe(
      '--rootfs=rofs --nomount --ip=eth0,198.18.0.2,255.255.255.252 /hello 1',
    )
  })

  it('quotes the arguments of a program that the image has something for', () => {
    expect(line('sysbench', 'cpu', 'a "b" \\ c;d&', '', 'x\ny')).toMatch(
      / \/sysbench\.so "cpu" "a \\"b\\" \\\\ c;d&" "" "x\\ny"$/,
    )
  })

  it("sets a command's folder and environment by OSv's own options", () => {
    expect(line('env', '-C', '/my folder', 'A=1', 'B=x y', 'sysbench', 'C=3')).toBe(
      '--rootfs=rofs --nomount --ip=eth0,198.18.0.2,255.255.255.252 ' +
        '--cwd=/my\\ folder --env=A=1 --env=B=x\\ y /sysbench.so "C=3"',
    )
  })

  it('refuses what OSv cannot run, with what would make it do so', () => {
    expect(() => line('/bin/sh', '-c', 'true')).toThrow(UnsupportedError)
    expect(() => line('toString')).toThrow('cannot run toString: its image has no such program')
    expect(() => line('sysbench', '$HOME')).toThrow('cannot contain "$"')
    expect(() => commandLine({ command: '', programs: {} }, ['/bin/busybox'], [])).toThrow(UnsupportedError)
  })
})

describe("the commands of isobench's benches", () => {
  const options = optionsSchema.parse({ kernel: '/loader.elf' })
  const own = (one: { readonly argv: readonly string[] }) => commandLine(ownFiles(options, '/none'), one.argv, [])

  it.each([
    [sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: 1 }), '/usr/bin/sysbench "cpu"'],
    [iperf3.server({ port: 5201 }), '/usr/bin/iperf3 "-s"'],
    [memcached.server({ port: 11_211, memory: 256, threads: 1 }), '/usr/bin/memcached "-u" "root"'],
    [mbw.run({ method: 'memcpy', runs: 1, mebibytes: 16 }), '/usr/bin/mbw "-q"'],
    [{ argv: ['tinymembench'] }, '/usr/bin/tinymembench'],
  ])('run a program of the disk that isobench writes: %j', (run, start) => {
    expect(own(run)).toMatch(new RegExp(`^--rootfs=rofs ${start}`))
  })

  it.each([
    [fio.layout({ file: '/data/a', size: '1m' }), 'fio: it needs a writable /data'],
    [ffmpeg.encode({ input: '/data/a', times: 1, threads: 1 }), 'ffmpeg: it reads a file of /data'],
    [command('cp', '/usr/share/clip', '/data/clip'), 'cp: it needs a writable /data'],
    [mariadb.install({ dataDir: '/data/db' }), 'mariadb-install-db: it is a script'],
    [
      mariadb.server({ dataDir: '/data/db', socket: '/tmp/a', port: 3306, bufferPool: 16, flushLog: 0 }),
      'mariadbd: it needs a writable /data',
    ],
    [command('/bin/sh', '-c', 'true'), '/bin/sh: a shell needs processes'],
    [netperf.server({ port: 1 }), 'netserver: it starts a process for each test'],
    [memory.stream({ mebibytes: 8, times: 2 }), 'isobench-memory: OSv 0.57 does not load static programs'],
    [command('node', 'bench.mjs'), 'node: its image has no such program'],
  ])('are unsupported by name, with the reason: %j', (run, text) => {
    const error = (() => {
      try {
        return own(run)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(UnsupportedError)
    expect((error as UnsupportedError).message).toContain(`cannot run ${text}`)
    expect((error as UnsupportedError).fix).toContain(`programs: { '${run.argv[0]}': '/...' }`)
  })
})

describe("the program's part of a console", () => {
  const console = (script: string) => {
    const argv = [
      programPath('console-guest.pl'),
      'Cmdline: ',
      '^(Aborted|Failed to load object: )',
      'sh',
      '-c',
      script,
    ]
    const { status, stdout, stderr } = spawnSync('perl', argv, { encoding: 'utf8', timeout: 20_000 })
    return { status, stdout, stderr }
  }

  it('is what comes after the command line, with line ends of one character', () => {
    expect(
      console(
        String.raw`printf 'OSv v0.57\r\nCmdline: /hello\r\none\r\ntwo\rthree'; printf '\r\n'; sleep 0.1; printf 'end'`,
      ),
    ).toEqual({
      status: 0,
      stdout: 'one\ntwo\rthree\nend',
      stderr: '',
    })
  })

  it('is a failure if the guest did not start it, crashed, rebooted, or its VMM failed', () => {
    expect(console("printf 'OSv v0.57\\r\\nHalting.\\r\\n'")).toMatchObject({ status: 1, stdout: '' })
    expect(
      console("printf 'Cmdline: /x\\r\\nFailed to load object: /x. Powering off.\\r\\n'; exec sleep 20").stderr,
    ).toContain('the guest crashed: Failed to load object: /x')
    expect(console("printf 'Cmdline: /x\\nout\\nCmdline: /x\\n'; exec sleep 20")).toMatchObject({ status: 1 })
    expect(console("printf 'Cmdline: /x\\nout\\n'; exit 3")).toMatchObject({ status: 3, stdout: 'out\n' })
    expect(console("printf 'Cmdline: /x\\nout'; kill -KILL $$")).toMatchObject({ status: 137, stdout: 'out' })
  })
})

it('boots on Firecracker without PCI, with a read-only image', () => {
  const place = { limits: { cpus: [1], memoryBytes: 512 * 1024 ** 2 } } as unknown as GuestSandbox
  const network = { device: 'isob0', mac: '02:00:c6:12:00:02', address: '198.18.0.2/30' }
  const files = { image: '/o/usr.raw', kernel: '/o/loader-stripped.elf', command: '/hello', programs: {} }
  expect(firecrackerConfig(place, { files, network }, '--rootfs=rofs /hello')).toEqual({
    'boot-source': { kernel_image_path: '/o/loader-stripped.elf', boot_args: '--nopci --rootfs=rofs /hello' },
    'machine-config': { vcpu_count: 1, mem_size_mib: 480 },
    drives: [expect.objectContaining({ path_on_host: '/o/usr.raw', is_read_only: true })],
    'network-interfaces': [{ iface_id: 'eth0', host_dev_name: 'isob0', guest_mac: '02:00:c6:12:00:02' }],
  })
})

it('reports what is missing of an image, and detects its format by its first bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-osv-'))
  try {
    const usr = join(folder, 'usr.img')
    expect(filesOf({ image: usr, programs: {} })).toMatchObject({ reason: `no OSv image: there is no file ${usr}` })
    writeFileSync(usr, Buffer.from('QFI\xfb\0', 'latin1'))
    expect(filesOf({ image: usr, programs: {} })).toMatchObject({
      reason: expect.stringContaining('loader-stripped.elf'),
    })
    writeFileSync(join(folder, 'loader-stripped.elf'), '')
    writeFileSync(join(folder, 'cmdline'), '/hello\n')
    expect(filesOf({ image: usr, programs: {} })).toMatchObject({ command: '/hello' })
    expect(formatOf(usr)).toBe('qcow2')
    expect(formatOf(join(folder, 'cmdline'))).toBe('raw')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
