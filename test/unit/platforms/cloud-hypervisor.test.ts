/**
 * What Cloud Hypervisor gets, against the options that v52.0 documents (`--help`; the SYNTAX texts of its
 * vmm/src/config.rs).
 */

import { rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { optionsSchema, vmSpec } from '../../../src/platforms/cloud-hypervisor.ts'
import { fakeSandbox, kernel } from './fake-sandbox.ts'

const toggle = z.enum(['on', 'off'])
const number = z.string().regex(/^\d+$/)
const fields = <S extends z.ZodRawShape>(shape: S) =>
  z
    .string()
    .transform((text) => Object.fromEntries(text.split(',').map((pair) => pair.split(/=(.*)/s).slice(0, 2))))
    .pipe(z.strictObject(shape))

/** Those that isobench gives, with all that each takes. */
const documented = z.strictObject({
  'api-socket': z.union([fields({ path: z.string() }), fields({ fd: number })]),
  serial: z.union([
    z.enum(['off', 'null', 'pty', 'tty']),
    fields({ file: z.string() }),
    fields({ socket: z.string() }),
  ]),
  console: z.enum(['off', 'null', 'pty', 'tty']),
  'event-monitor': z.union([fields({ path: z.string() }), fields({ fd: number })]),
  cpus: fields({ boot: number, max: number.optional(), nested: toggle.optional() }),
  memory: fields({ size: z.string().regex(/^\d+[KMG]?$/), shared: toggle.optional(), hugepages: toggle.optional() }),
  disk: fields({
    path: z.string(),
    readonly: toggle.optional(),
    direct: toggle.optional(),
    num_queues: number.optional(),
    queue_size: number.optional(),
    image_type: z.enum(['raw', 'qcow2', 'vhd', 'vhdx']).optional(),
  }),
  fs: fields({ tag: z.string(), socket: z.string(), num_queues: number.optional(), queue_size: number.optional() }),
  net: fields({ tap: z.string(), mac: z.string().optional(), num_queues: number.optional() }),
  vsock: fields({ cid: number, socket: z.string() }),
  kernel: z.string(),
  initramfs: z.string(),
  cmdline: z.string(),
})

let directory: string | undefined
afterEach(() => directory && rmSync(directory, { recursive: true, force: true }))

describe('Cloud Hypervisor', () => {
  it('is given options that it documents', async () => {
    const { place } = fakeSandbox()
    directory = place.stateDir
    const machine = await vmSpec(place, { kernel, disk: '/cache/root.ext4' }, optionsSchema.parse({}))
    const [program, ...words] = machine.vmm
    expect(program).toBe('cloud-hypervisor')
    const pairs = Array.from({ length: words.length / 2 }, (_, at) => [words[2 * at]!, words[2 * at + 1]!] as const)
    expect(pairs.every(([name]) => name.startsWith('--'))).toBe(true)
    const given = documented.parse(Object.fromEntries(pairs.map(([name, value]) => [name.slice(2), value])))
    expect(given).toMatchObject({
      cpus: { boot: '2' },
      // virtio-fs needs it shared.
      memory: { size: '448M', shared: 'on' },
      disk: { path: '/cache/root.ext4', readonly: 'on' },
      fs: { tag: 'data', socket: 'helper.sock' },
      // What it says when the guest resets: the conductor ends it then.
      'event-monitor': { path: 'events.log' },
      net: { tap: 'isob0', mac: '02:00:c6:12:00:02' },
      kernel: '/cache/vmlinux',
    })
    expect(Number(given.vsock.cid)).toBeGreaterThanOrEqual(3)
    expect(machine.vsockSocket).toBe(`${given.vsock.socket}_1024`)
    expect(machine.helper).toContain('--fd=4')
    expect(given.cmdline.split(' ')).toEqual(
      expect.arrayContaining([
        `isobench.nonce=${machine.nonce}`,
        'isobench.channel=vsock:1024',
        'isobench.data=virtiofs:data',
        // A reset would boot it again.
        'isobench.halt=poweroff',
      ]),
    )
  })

  it('refuses a program that is none of its', () => {
    expect(() => optionsSchema.parse({ binary: '/bin/true' })).toThrow(/not cloud-hypervisor/)
  })
})
