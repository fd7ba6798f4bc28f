/** Provisioned releases of Kata: the files that a guest's configuration names. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requiredConfiguration } from '../../../../src/platforms/kata.ts'
import {
  configurationOf,
  findShim,
  optionsSchema,
  relocated,
  runtimeOf,
  writeConfiguration,
} from '../../../../src/platforms/shared/kata-installation.ts'
import { emptyReleases } from '../../../support/releases.ts'

const releases = emptyReleases()
let place: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'isobench kata '))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

const defaults = 'share/defaults/kata-containers'
const shimPaths = { kata: 'runtime-rs/bin/containerd-shim-kata-v2', 'kata-go': 'bin/containerd-shim-kata-v2' } as const

/** The lines with paths of `configuration-qemu*.toml` of release 4.2.0 (its `*.toml.in`, and PREFIX=/opt/kata). */
const configuration = (kernel: string) => `[hypervisor.qemu]
path = "/opt/kata/bin/qemu-system-x86_64"
kernel = "/opt/kata/share/kata-containers/${kernel}"
image = "/opt/kata/share/kata-containers/kata-containers.img"
# initrd = "/opt/kata/share/kata-containers/kata-containers-initrd.img"
machine_type = "q35"
rootfs_type="ext4"
valid_hypervisor_paths = ["/opt/kata/bin/qemu-system-x86_64"]
kernel_params = ""
firmware = ""
virtio_fs_daemon = "/opt/kata/libexec/virtiofsd"
valid_virtio_fs_daemon_paths = ["/opt/kata/libexec/virtiofsd"]
virtio_fs_extra_args = ["--thread-pool-size=1", "-o", "announce_submounts"]
vhost_user_store_path = "/var/run/kata-containers/vhost-user"
valid_entropy_sources = ["/dev/urandom","/dev/random",""]

[agent.kata]
enable_tracing = false
`

function put(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** The Rust runtime's release: it has everything that both runtimes share. */
function installRust(version: string): string {
  const text = '#!/bin/sh\necho "Kata Containers containerd shim (Rust): id: io.containerd.kata.v2, version: 4.2.0"\n'
  const folder = releases.install('kata', version, { 'containerd-shim-kata-v2': { path: shimPaths.kata, text } })
  put(folder, {
    'bin/qemu-system-x86_64': '',
    'libexec/virtiofsd': '',
    'share/kata-containers/vmlinux.container': '',
    'share/kata-containers/kata-containers.img': '',
    [`${defaults}/runtime-rs/configuration-qemu-runtime-rs.toml`]: configuration('vmlinux.container'),
    [`${defaults}/runtime-rs/config.d/10-vendor.toml`]: 'x = "/opt/kata/libexec/virtiofsd"\n',
  })
  return folder
}

/** The Go runtime's release: its shim and its configurations. */
function installGo(version: string): string {
  const text = '#!/bin/sh\necho "Kata Containers containerd shim (Golang): id: io.containerd.kata.v2, version: 4.2.0"\n'
  const folder = releases.install('kata-go', version, {
    'containerd-shim-kata-v2': { path: shimPaths['kata-go'], text },
  })
  put(folder, {
    'bin/firecracker': '',
    'libexec/virtiofsd': '',
    [`${defaults}/configuration-qemu.toml`]: configuration('vmlinux.container'),
  })
  return folder
}

/** The value of a key in the configuration that a guest gets. */
function written(given: object) {
  const options = optionsSchema.parse(given)
  const file = writeConfiguration(join(place, 'guest'), options, requiredConfiguration(options), { runtime: { a: 1 } })
  const text = readFileSync(file, 'utf8')
  return { text, of: (key: string) => JSON.parse(new RegExp(`^${key} ?= ?(.*)$`, 'm').exec(text)![1]!) }
}

describe('a provisioned Kata', () => {
  it('with the Rust runtime has all its files in its release', () => {
    const folder = installRust('4.2.0')
    const { of, text } = written({})
    expect(findShim(optionsSchema.parse({}))).toBe(join(folder, shimPaths.kata))
    expect(of('path')).toBe(join(folder, 'bin/qemu-system-x86_64'))
    expect(of('valid_hypervisor_paths')).toEqual([join(folder, 'bin/qemu-system-x86_64')])
    expect(of('kernel')).toBe(join(folder, 'share/kata-containers/vmlinux.container'))
    expect(of('image')).toBe(join(folder, 'share/kata-containers/kata-containers.img'))
    expect(of('virtio_fs_daemon')).toBe(join(folder, 'libexec/virtiofsd'))
    expect(of('valid_virtio_fs_daemon_paths')).toEqual([join(folder, 'libexec/virtiofsd')])
    // What the release does not have, and what is elsewhere, stays.
    expect(text).toContain('# initrd = "/opt/kata/share/kata-containers/kata-containers-initrd.img"')
    expect(of('vhost_user_store_path')).toBe('/var/run/kata-containers/vhost-user')
    expect(of('valid_entropy_sources')).toEqual(['/dev/urandom', '/dev/random', ''])
    expect(of('firmware')).toBe('')
    expect(readFileSync(join(place, 'guest/config.d/10-vendor.toml'), 'utf8')).toBe(
      `x = ${JSON.stringify(join(folder, 'libexec/virtiofsd'))}\n`,
    )
    expect(readFileSync(join(place, 'guest/config.d/zz-isobench.toml'), 'utf8')).toBe('[runtime]\na = 1\n')
  })

  it('with the Go runtime has its own files, and those of both from the other release of the same version', () => {
    const [rust, go] = [installRust('4.2.0'), installGo('4.2.0')]
    installRust('4.3.0')
    const { of } = written({ runtime: 'go' })
    expect(findShim({ runtime: 'go' })).toBe(join(go, shimPaths['kata-go']))
    expect(runtimeOf(findShim({ runtime: 'go' }))).toBe('go')
    expect(of('path')).toBe(join(rust, 'bin/qemu-system-x86_64'))
    expect(of('kernel')).toBe(join(rust, 'share/kata-containers/vmlinux.container'))
    expect(of('image')).toBe(join(rust, 'share/kata-containers/kata-containers.img'))
    expect(of('virtio_fs_daemon')).toBe(join(go, 'libexec/virtiofsd'))
  })

  it('uses the version of the config, and then no file of a newer one or of /opt/kata', () => {
    const older = installRust('4.1.0')
    const newer = installRust('4.2.0')
    expect(configurationOf(optionsSchema.parse({ version: '4.1.0' }))?.startsWith(`${older}/`)).toBe(true)
    expect(written({ version: '4.1.0' }).of('image')).toBe(join(older, 'share/kata-containers/kata-containers.img'))
    expect(written({}).of('image')).toBe(join(newer, 'share/kata-containers/kata-containers.img'))
    expect(runtimeOf(findShim(optionsSchema.parse({})))).toBe('rust')
  })

  it('has no configuration for what its release does not support, and says where it looked', () => {
    const folder = installRust('4.2.0')
    expect(() => requiredConfiguration(optionsSchema.parse({ hypervisor: 'dragonball' }))).toThrow(
      `Kata's rust runtime has no configuration for dragonball: found none of ` +
        `${join(folder, defaults, 'runtime-rs/configuration-dragonball.toml')}, `,
    )
  })
})

it('paths of a configuration stay if no release is provisioned, and are quoted if a folder needs it', () => {
  expect(relocated(configuration('vmlinux.container'), [])).toBe(configuration('vmlinux.container'))
  const odd = join(place, 'a "quoted" \\ folder')
  put(odd, { 'bin/x': '' })
  expect(JSON.parse(relocated('"/opt/kata/bin/x"', [odd]))).toBe(join(odd, 'bin/x'))
})
