/** What Firecracker gets, against the definitions of its `src/firecracker/swagger/firecracker.yaml` of v1.15.1. */

import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { microvm, optionsSchema, supportsPause, vmSpec } from '../../../src/platforms/firecracker.ts'
import { fakeSandbox, kernel } from './fake-sandbox.ts'

const bucket = z.strictObject({
  one_time_burst: z.int().min(0).optional(),
  refill_time: z.int().min(0),
  size: z.int().min(0),
})
const limiter = z.strictObject({ bandwidth: bucket.optional(), ops: bucket.optional() })
const bootSource = z.strictObject({
  kernel_image_path: z.string(),
  initrd_path: z.string().optional(),
  boot_args: z.string().optional(),
})
const drive = z.strictObject({
  drive_id: z.string(),
  is_root_device: z.boolean(),
  partuuid: z.string().optional(),
  cache_type: z.enum(['Unsafe', 'Writeback']).optional(),
  // Required of a drive that is a file of the host's.
  is_read_only: z.boolean(),
  path_on_host: z.string(),
  rate_limiter: limiter.optional(),
  io_engine: z.enum(['Sync', 'Async']).optional(),
})
const machineConfig = z.strictObject({
  vcpu_count: z.int().min(1).max(32),
  mem_size_mib: z.int(),
  smt: z.boolean().optional(),
  track_dirty_pages: z.boolean().optional(),
  huge_pages: z.enum(['None', '2M']).optional(),
})
const networkInterface = z.strictObject({
  iface_id: z.string(),
  host_dev_name: z.string(),
  guest_mac: z.string().optional(),
  rx_rate_limiter: limiter.optional(),
  tx_rate_limiter: limiter.optional(),
})
const vsock = z.strictObject({ guest_cid: z.int().min(3), uds_path: z.string() })
/**
 * The file holds each of them under its path; boot-source and drives are required (see Firecracker's getting started
 * page).
 */
const configFile = z.strictObject({
  'boot-source': bootSource,
  drives: z.array(drive),
  'machine-config': machineConfig.optional(),
  'network-interfaces': z.array(networkInterface).optional(),
  vsock: vsock.optional(),
})

let directory: string | undefined
afterEach(() => directory && rmSync(directory, { recursive: true, force: true }))

function made() {
  const one = fakeSandbox()
  directory = one.place.stateDir
  return one
}
const read = (file: string) => configFile.parse(JSON.parse(readFileSync(file, 'utf8')))
const wordAfter = (argv: readonly string[], word: string) => argv[argv.indexOf(word) + 1]!

describe('Firecracker', () => {
  const parts = { kernel, disk: '/cache/root.ext4', data: '/place/data.ext4' }

  it('is given a configuration that its API describes', async () => {
    const { place } = made()
    const machine = await vmSpec(place, parts, optionsSchema.parse({}))
    expect(wordAfter(machine.vmm, '--api-sock')).toBe(join(place.stateDir, 'api.sock'))
    // Its log would be in the guest's serial output.
    expect(wordAfter(machine.vmm, '--level')).toBe('Error')
    const config = read(wordAfter(machine.vmm, '--config-file'))
    expect(config['machine-config']).toEqual({ vcpu_count: 2, mem_size_mib: 480 })
    // The guest's kernel names them in this order.
    expect(config.drives.map(({ path_on_host, is_read_only }) => [path_on_host, is_read_only])).toEqual([
      ['/cache/root.ext4', true],
      ['/place/data.ext4', false],
    ])
    expect(config['network-interfaces']).toMatchObject([{ host_dev_name: 'isob0', guest_mac: '02:00:c6:12:00:02' }])
    expect(machine.vsockSocket).toBe(`${config.vsock!.uds_path}_1024`)
    const line = config['boot-source'].boot_args!
    // The longest that the kernel takes on x86-64.
    expect(line.length).toBeLessThan(2048)
    expect(line.split(' ')).toEqual(
      expect.arrayContaining([
        `isobench.nonce=${machine.nonce}`,
        'isobench.channel=vsock:1024',
        'isobench.data=ext4:/dev/vdb',
        'isobench.halt=reboot',
        'reboot=k',
      ]),
    )
  })

  it('is the same in a jail, with other names of the files', async () => {
    const { place, ran, tapUsers } = made()
    const machine = await vmSpec(place, parts, optionsSchema.parse({ jailer: '/opt/jailer' }))
    expect(machine.vmm[0]).toBe('/opt/jailer')
    const at = machine.vmm.indexOf('--')
    const [jail, own] = [machine.vmm.slice(0, at), machine.vmm.slice(at + 1)]
    expect(wordAfter(jail, '--chroot-base-dir')).toBe(place.stateDir)
    expect(own).toEqual(['--level', 'Error', '--api-sock', '/api.sock', '--config-file', '/vm.json'])
    const root = join(place.stateDir, 'firecracker', wordAfter(jail, '--id'), 'root')
    const config = read(join(root, 'vm.json'))
    expect(config['boot-source']).toMatchObject({ kernel_image_path: '/kernel', initrd_path: '/initramfs' })
    const shown = ['/cache/vmlinux', '/cache/initramfs', '/cache/root.ext4', '/place/data.ext4']
    expect(ran.filter(([program]) => program === 'mount').map(([, , file]) => file)).toEqual(shown)
    for (const { path_on_host } of config.drives) expect(existsSync(join(root, path_on_host))).toBe(true)
    // Only what it writes to is its user's, and the folder that its sockets are in.
    const given = ran.filter(([program]) => program === 'chown').flatMap(([, , ...files]) => files)
    expect(given).toEqual([root, '/place/data.ext4'])
    // And its tap, which some kernels let nobody but root open otherwise.
    expect(tapUsers.map(String)).toEqual([wordAfter(jail, '--uid')])
    expect(machine.vsockSocket).toBe('firecracker/vm/root/vsock.sock_1024')
    expect(machine.api).toBe(join(root, 'api.sock'))
    // unix(7): 108 bytes, the last of them a NUL, from the longest id in the usual folder.
    const usual = machine.api.replace(place.stateDir, '/var/lib/isobench/guests/isob-1a2b3c-12-1234567')
    expect(usual.length).toBeLessThan(108)
  })

  it('is in a jail of the name that its jailer finds behind a link', async () => {
    const { place } = made()
    const [build, link] = [join(place.dataDir, 'firecracker-v1.15.1-x86_64'), join(place.dataDir, 'firecracker')]
    writeFileSync(build, '#!/bin/sh\necho Firecracker v1.15.1\n', { mode: 0o755 })
    symlinkSync(build, link)
    const machine = await vmSpec(place, parts, optionsSchema.parse({ binary: link, jailer: '/opt/jailer' }))
    expect(wordAfter(machine.vmm, '--exec-file')).toBe(build)
    expect(machine.vsockSocket).toBe('firecracker-v1.15.1-x86_64/vm/root/vsock.sock_1024')
  })

  it('starts with nothing but a kernel, for what it costs itself', async () => {
    const { place } = made()
    const bare = {
      'boot-source': { kernel_image_path: '/floor' },
      'machine-config': { vcpu_count: 1, mem_size_mib: 128 },
      drives: [],
    }
    const { argv } = await microvm(place, bare, optionsSchema.parse({}))
    expect(read(wordAfter(argv, '--config-file'))).toEqual(bare)
  })

  it('is not paused where its vsock would stay deaf', () => {
    const versions = ['1.15.1', '1.16.0', '1.16.1', '1.16.2', '1.17.0']
    expect(versions.filter(supportsPause)).toEqual(['1.15.1', '1.16.2', '1.17.0'])
  })

  it('refuses a jailer that is not a whole path, and a program that is none of its', () => {
    expect(() => optionsSchema.parse({ jailer: 'jailer' })).toThrow()
    expect(() => optionsSchema.parse({ binary: '/bin/true' })).toThrow(/not firecracker/)
  })
})
