import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { HostArgv } from '../../../src/host/process.ts'
import type { GuestSandbox } from '../../../src/host/sandbox.ts'
import { kataShimConfig } from '../../../src/platforms/kata.ts'
import {
  configurationFiles,
  kataConfigDropIn,
  optionsSchema,
  syslogBinds,
  toToml,
  writeConfiguration,
} from '../../../src/platforms/shared/kata-installation.ts'

/**
 * What isobench sets, as the configuration templates of Kata Containers 4.1.0 have it: `src/runtime/config` and
 * `src/runtime-rs/config`, `configuration-*.toml.in`; the values of `shared_fs` from the comments above it.
 */
const machine = <const S extends readonly [string, ...string[]]>(...shares: S) =>
  z.strictObject({
    default_vcpus: z.int().positive(),
    default_maxvcpus: z.int().positive(),
    // Below 64 MiB the Rust runtime refuses it.
    default_memory: z.int().min(64),
    shared_fs: z.enum(shares),
  })
const runtime = z.strictObject({ sandbox_cgroup_only: z.boolean(), static_sandbox_resource_mgmt: z.boolean() })
const templates = {
  'rust qemu': z.strictObject({ 'hypervisor.qemu': machine('virtio-fs', 'virtio-fs-nydus', 'none'), runtime }),
  'rust clh': z.strictObject({ 'hypervisor.clh': machine('virtio-fs', 'virtio-fs-nydus', 'none'), runtime }),
  'rust dragonball': z.strictObject({
    'hypervisor.dragonball': machine('inline-virtio-fs', 'virtio-fs-nydus', 'none'),
    runtime,
  }),
  'go qemu': z.strictObject({
    'hypervisor.qemu': machine('virtio-fs', 'virtio-9p', 'virtio-fs-nydus', 'none'),
    runtime,
  }),
  'go clh': z.strictObject({ 'hypervisor.clh': machine('virtio-fs', 'virtio-fs-nydus', 'none'), runtime }),
}

const limits = { cpus: [1], memoryBytes: 1024 ** 3 }
const messages = (given: object) => optionsSchema.safeParse(given).error?.issues.map(({ message }) => message)

describe('the configuration that a guest gets', () => {
  it.each([
    ['rust qemu', {}],
    ['rust clh', { hypervisor: 'clh' }],
    ['rust dragonball', { hypervisor: 'dragonball' }],
    ['go qemu', { runtime: 'go' }],
    ['go qemu', { runtime: 'go', sharedFs: 'virtio-9p' }],
    ['go clh', { runtime: 'go', hypervisor: 'clh' }],
  ] as const)('fits the template of %s: %j', (name, given) => {
    expect(templates[name].safeParse(kataConfigDropIn(optionsSchema.parse(given), limits)).error).toBeUndefined()
  })

  it('gives the machine the CPUs of the limits, and what is left of their memory', () => {
    const set = kataConfigDropIn(optionsSchema.parse({}), { cpus: [2, 3], memoryBytes: 2 * 1024 ** 3 })
    expect(set['hypervisor.qemu']).toEqual({
      default_vcpus: 2,
      default_maxvcpus: 2,
      default_memory: 2048 - 192,
      shared_fs: 'virtio-fs',
    })
  })

  it('is TOML', () => {
    expect(toToml(kataConfigDropIn(optionsSchema.parse({ runtime: 'go', sharedFs: 'virtio-9p' }), limits))).toBe(
      '[hypervisor.qemu]\ndefault_vcpus = 1\ndefault_maxvcpus = 1\ndefault_memory = 832\nshared_fs = "virtio-9p"\n' +
        '\n[runtime]\nsandbox_cgroup_only = true\nstatic_sandbox_resource_mgmt = true\n',
    )
  })
})

/** What the shim gets of a sandbox. */
const place = { stateDir: '/guest', wrapWithTap: (argv: HostArgv): HostArgv => ['outside', ...argv] } as GuestSandbox

describe("the host's syslog, without which the Go runtime does not start", () => {
  it("is mounted into the place's /run where it listens in the host's", () => {
    expect(syslogBinds(place, '/run/systemd/journal/dev-log')).toEqual([
      ['rbind', '/run/systemd/journal/dev-log', '/guest/run/systemd/journal/dev-log'],
    ])
  })

  it('is seen without that where it listens elsewhere, and not to be had where nothing listens', () => {
    expect(syslogBinds(place, '/dev/log')).toEqual([])
    expect(syslogBinds(place, undefined)).toEqual([])
  })
})

describe('an installation', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-kata-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it("is copied with its drop-ins, isobench's come last, and it stays as it is", () => {
    const installed = join(folder, 'installed')
    mkdirSync(join(installed, 'config.d'), { recursive: true })
    writeFileSync(join(installed, 'configuration-qemu.toml'), '[hypervisor.qemu]\npath = "/x"\n')
    writeFileSync(join(installed, 'config.d', '50-user.toml'), '[runtime]\n')
    const from = join(installed, 'configuration-qemu.toml')
    const file = writeConfiguration(join(folder, 'ours'), optionsSchema.parse({}), from, { runtime: { a: 1 } })
    expect(readFileSync(file, 'utf8')).toBe('[hypervisor.qemu]\npath = "/x"\n')
    expect(readdirSync(join(folder, 'ours', 'config.d')).sort()).toEqual(['50-user.toml', 'zz-isobench.toml'])
    expect(readFileSync(join(folder, 'ours', 'config.d', 'zz-isobench.toml'), 'utf8')).toBe('[runtime]\na = 1\n')
    expect(readdirSync(join(installed, 'config.d'))).toEqual(['50-user.toml'])
  })

  it('is looked for where releases and distributions put it, or where the platform says', () => {
    expect(configurationFiles(optionsSchema.parse({}))[0]).toBe(
      '/opt/kata/share/defaults/kata-containers/runtime-rs/configuration-qemu-runtime-rs.toml',
    )
    expect(configurationFiles(optionsSchema.parse({ runtime: 'go', hypervisor: 'clh' }))).toEqual([
      '/opt/kata/share/defaults/kata-containers/configuration-clh.toml',
      '/usr/share/defaults/kata-containers/configuration-clh.toml',
    ])
    expect(configurationFiles(optionsSchema.parse({ config: '/etc/mine.toml' }))).toEqual(['/etc/mine.toml'])
  })

  it('is given to its shim as ctr has it', () => {
    const shim = kataShimConfig(place, '/opt/kata/bin/containerd-shim-kata-v2', '/run/kata/configuration.toml')
    expect(shim).toMatchObject({
      runtime: '/opt/kata/bin/containerd-shim-kata-v2',
      options: ['--runtime-config-path', '/run/kata/configuration.toml'],
      resources: 'unlimited',
    })
  })

  it("has its shim outside of the guest's network namespace, which it would use as the host's", () => {
    const shim = kataShimConfig(place, 'shim', 'configuration.toml')
    expect(shim.wrap?.(['containerd'])).toEqual(['outside', 'containerd'])
  })
})

describe('options that Kata cannot honour', () => {
  it('are refused, with what it can', () => {
    expect(messages({ sharedFs: 'virtio-9p' })).toEqual([
      "Kata's rust runtime does not support virtio-9p with qemu: set sharedFs: 'virtio-fs', " +
        "or runtime: 'go' with hypervisor: 'qemu'",
    ])
    expect(messages({ runtime: 'go', hypervisor: 'clh', sharedFs: 'virtio-9p' })).toHaveLength(1)
    expect(messages({ runtime: 'go', hypervisor: 'dragonball' })).toEqual([
      "only the Rust runtime supports dragonball: set runtime: 'rust'",
    ])
    expect(messages({ hypervisor: 'firecracker' })?.[0]).toContain('cannot share directories')
    expect(messages({ binary: '/bin/true' })?.[0]).toContain('is not a shim of Kata')
  })
})
