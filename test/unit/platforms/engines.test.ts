import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { resolvePlatforms } from '../../../src/core/project/platforms.ts'
import { type PlatformSpec, platform } from '../../../src/dsl/platform.ts'
import { missing } from '../../../src/host/packages.ts'
import { docker } from '../../../src/platforms/docker.ts'
import { findRegisteredRuntime, registeredKata, runtimePreflight } from '../../../src/platforms/docker-daemon.ts'
import { runscFlags } from '../../../src/platforms/gvisor.ts'
import { drivers } from '../../../src/platforms/index.ts'
import { userProcesses } from '../../../src/platforms/podman.ts'
import { engineKata, makeProgram, runtimeRequirement } from '../../../src/platforms/shared/engine-runtimes.ts'

const resolved = (spec: PlatformSpec) => resolvePlatforms([spec], drivers, 'isobench.config.ts')[0]!
const refusals = (spec: PlatformSpec): string[] => {
  try {
    resolved(spec)
  } catch (error) {
    return (error as { problems: { message: string; location?: { line: number } }[] }).problems.map(
      ({ message, location }) => `${location ? 'line: ' : ''}${message}`,
    )
  }
  return []
}

describe("gVisor's options", () => {
  it('are the same on gVisor itself and on an engine over it', () => {
    const given = { mode: 'ptrace', flags: ['--directfs=false'] } as const
    for (const spec of [
      platform('gvisor', given),
      platform('docker', { runtime: 'runsc', ...given }),
      platform('podman', { runtime: 'runsc', ...given }),
    ])
      expect(runscFlags(resolved(spec).options as never)).toEqual(['--platform=ptrace', '--directfs=false'])
  })

  it("leave an engine's runsc as it is where none is given", () => {
    expect(runscFlags(resolved(platform('docker', { runtime: 'runsc' })).options as never)).toEqual([])
    expect(runscFlags(resolved(platform('gvisor')).options as never)).toEqual(['--platform=systrap'])
  })

  it('are refused over another runtime, each with its way out and the line of the config', () => {
    expect(refusals(platform('docker', { mode: 'kvm', flags: ['--network=host'] }))).toEqual([
      `line: the options of platform "docker" are wrong: mode: is an option of gVisor, but the runtime ` +
        `is "runc": set runtime: 'runsc', ` +
        `or omit mode; flags: is an option of gVisor, but the runtime is "runc": set runtime: 'runsc', or omit flags`,
    ])
    expect(refusals(platform('podman', { flags: ['--network=host'] }))[0]).toContain('the runtime is "crun"')
    expect(refusals(platform('docker', { flags: [] }))).toEqual([])
  })

  it('say the mode once', () => {
    for (const flag of ['--platform=kvm', '-platform'])
      expect(refusals(platform('docker', { runtime: 'runsc', flags: [flag] }))[0]).toContain(
        "set the sentry's platform with mode: 'systrap' or 'ptrace' or 'kvm'",
      )
  })
})

describe("a runtime of the host's dockerd", () => {
  const runtimes = {
    runc: { path: 'runc' },
    runsc: { path: '/usr/bin/runsc' },
    'gvisor-kvm': { path: '/opt/gvisor/runsc', runtimeArgs: ['-network=host', '--platform=kvm'] },
    other: { path: '/usr/bin/crun', runtimeArgs: ['--debug'] },
    'io.containerd.runc.v2': { runtimeType: 'io.containerd.runc.v2' },
  }
  const socket = 'unix:///var/run/docker.sock'

  it('is the one that is registered with these flags, in whatever order and with however many dashes', () => {
    expect(findRegisteredRuntime(runtimes, 'runsc', ['--platform=kvm', '--network=host'])).toBe('gvisor-kvm')
    expect(findRegisteredRuntime(runtimes, 'runsc', [])).toBe('runsc')
    expect(findRegisteredRuntime(runtimes, 'runsc', ['--debug'])).toBeUndefined()
    expect(findRegisteredRuntime(runtimes, 'runsc', ['--platform=kvm'])).toBeUndefined()
    expect(findRegisteredRuntime(runtimes, 'kata', [])).toBeUndefined()
    expect(findRegisteredRuntime({ kata: { runtimeType: '/opt/kata/bin/containerd-shim-kata-v2' } }, 'kata', [])).toBe(
      'kata',
    )
  })

  it('that is missing is reported with what its owner could register, or without it', () => {
    expect(runtimePreflight({ socket, runtimes }, 'runsc', ['--platform=ptrace'])).toEqual({
      reason:
        `the dockerd at ${socket} has no runtime "runsc --platform=ptrace"; ` +
        'it has runc, runsc, gvisor-kvm, other, io.containerd.runc.v2',
      fix:
        `register it in daemon.json, ` +
        `{"runtimes":{"runsc-flags":{"path":"/usr/bin/runsc","runtimeArgs":["--platform=ptrace"]}}}, ` +
        `and reload the daemon; or let isobench start a daemon: { daemon: 'own' }`,
    })
    // As Kata's own description of Docker has it.
    expect(runtimePreflight({ socket, runtimes }, 'kata', [])?.fix).toContain(
      '{"runtimes":{"kata":{"runtimeType":"/opt/kata/bin/containerd-shim-kata-v2"}}}',
    )
    expect(runtimePreflight({ socket, runtimes }, 'runsc', [])).toBeUndefined()
  })
})

describe('an engine over Kata', () => {
  let folder: string | undefined
  afterEach(() => {
    vi.unstubAllEnvs()
    if (folder) rmSync(folder, { recursive: true })
    folder = undefined
  })
  const lacking = () => missing([runtimeRequirement({ runtime: 'kata' })])

  it.skipIf(existsSync('/opt/kata'))('needs the shim, and says where it comes from', () => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-shim-'))
    vi.stubEnv('PATH', folder)
    expect(lacking()).toMatchObject([
      {
        binary: 'containerd-shim-kata-v2',
        provision: ['kata'],
        installHint: expect.stringMatching(/^isobench provision kata /),
      },
    ])
    const options = docker.options.parse({ runtime: 'kata', daemon: 'own' })
    expect(docker.requirements(options).map(({ binary }) => binary)).toContain('containerd-shim-kata-v2')
    const shim = join(folder, 'containerd-shim-kata-v2')
    writeFileSync(shim, '#!/bin/sh\n', { mode: 0o755 })
    expect(lacking()).toEqual([])
    expect(runtimeRequirement({ runtime: 'kata' }).binary).toBe(shim)
  })

  it.skipIf(existsSync('/opt/kata'))(
    'is the runtime that the shim says it is, and the Rust runtime if it says nothing',
    () => {
      folder = mkdtempSync(join(tmpdir(), 'isobench-shim-'))
      vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
      for (const [said, runtime] of [
        ['Kata Containers containerd shim (Golang): id: "io.containerd.kata.v2", version: 3.30.0, commit: ', 'go'],
        ['Kata Containers containerd shim (Rust): id: io.containerd.kata.v2, version: 4.1.0, commit: ', 'rust'],
        ['', 'rust'],
      ] as const) {
        writeFileSync(join(folder, 'containerd-shim-kata-v2'), `#!/bin/sh\necho '${said}'\n`, { mode: 0o755 })
        expect(engineKata({}).runtime).toBe(runtime)
      }
    },
  )

  it("is registered by its shim's path, with a configuration for the limits of a bench", () => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-shim-'))
    const [binary, config] = [join(folder, 'shim'), join(folder, 'installed.toml')]
    writeFileSync(binary, '#!/bin/sh\n', { mode: 0o755 })
    writeFileSync(config, '[runtime]\n')
    const given = { runtime: 'go', hypervisor: 'qemu', sharedFs: 'virtio-fs', binary, config } as const
    const registered = registeredKata(join(folder, 'kata'), { cpus: [0, 1], memoryBytes: 2 ** 30 }, given)
    expect(registered).toEqual({
      runtimeType: binary,
      options: { ConfigPath: join(folder, 'kata', 'configuration.toml') },
    })
    expect(readFileSync(join(folder, 'kata', 'config.d', 'zz-isobench.toml'), 'utf8')).toMatch(/default_vcpus = 2\n/)
  })
})

describe('the program that an engine runs for a runtime', () => {
  it('has the flags as they are, before all that the engine gives it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-program-'))
    try {
      const runsc = join(folder, 'runsc')
      writeFileSync(runsc, `#!/bin/sh\nprintf '%s|' "$@"\n`, { mode: 0o755 })
      // Without rights to mount, what goes around it on some machines is a program of that name.
      writeFileSync(join(folder, 'unshare'), '#!/bin/sh\nshift 5\nexec "$@"\n', { mode: 0o755 })
      const program = makeProgram(join(folder, 'programs', 'runsc'), { runtime: 'runsc' }, ['--a=it\'s "$HOME"', '--b'])
      const env = { PATH: `${folder}:${process.env.PATH}` }
      expect(execFileSync(program, ['--root', '/x', 'state'], { encoding: 'utf8', env })).toBe(
        `--a=it's "$HOME"|--b|--root|/x|state|`,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe("podman's limit of processes of a user", () => {
  const limits = (hard: string) => `Limit  Soft Limit  Hard Limit  Units
Max processes             1024                 ${hard}               processes
Max open files            1024                 2048                 files
`

  it('is above that of the guest, and at most that of this process', () => {
    expect(userProcesses(20_000, limits('96365'))).toBe(40_000)
    expect(userProcesses(20_000, limits('30000'))).toBe(30_000)
    expect(userProcesses(20_000, limits('unlimited'))).toBe(40_000)
    expect(userProcesses(300, limits('unlimited'))).toBe(4096)
  })
})
