import { closeSync, mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { which } from '../../guest/requirements.ts'
import { createNonce, kernelCommandLine, type VmSpec, vsock } from '../../guest/vm/conductor.ts'
import type { GuestKernel } from '../../guest/vm/kernel.ts'
import type { GuestSandbox, HostArgv } from '../driver.ts'
import { type Config, driveConfig, logErrorsOnly } from './config.ts'
import type { Options } from './options.ts'

/** Nobody's on a host: whom the jailer has Firecracker run as. */
const jailUser = 65519

/** MiB of the guest's limit that Firecracker itself takes. */
const overhead = 32

/** The RAM of a guest in MiB: what the limits leave beside Firecracker, for both are in the same cgroup. */
export const ramMiB = (place: GuestSandbox): number => Math.floor(place.limits.memoryBytes / 1024 ** 2) - overhead

/** Firecracker, ready to be started in the place's directory. */
export interface Microvm {
  readonly argv: HostArgv
  /** Where it looks for its files and makes its sockets, from the place's directory: empty where that is the same. */
  readonly folder: string
  /** Its API socket, on the host. */
  readonly api: string
}

export const jailerOf = ({ jailer }: Pick<Options, 'jailer'>) => (jailer === true ? 'jailer' : jailer)

/** Puts a file of the host's at a name in the jail. What is mounted in a place is unmounted with it. */
async function show(place: GuestSandbox, file: string, at: string): Promise<void> {
  mkdirSync(dirname(at), { recursive: true })
  closeSync(openSync(at, 'a'))
  await place.run(['mount', '--bind', file, at])
}

/**
 * Firecracker with a configuration: a process that starts the machine, ends with it, and has its serial port at its standard
 * output. Paths of the configuration are the host's.
 */
export async function microvm(place: GuestSandbox, config: Config, options: Options): Promise<Microvm> {
  const { binary = 'firecracker' } = options
  const jailer = jailerOf(options)
  const own = (root: string) => [
    ...logErrorsOnly,
    ...['--api-sock', join(root, 'api.sock'), '--config-file', join(root, 'vm.json')],
  ]
  if (jailer === false) {
    writeFileSync(join(place.stateDir, 'vm.json'), JSON.stringify(config))
    return { argv: [binary, ...own(place.stateDir)], folder: '', api: join(place.stateDir, 'api.sock') }
  }
  // The jailer follows links, and calls the jail by the program that it comes to.
  const found = which(binary)
  const program = found === undefined ? binary : realpathSync(found)
  const folder = join(basename(program), 'vm', 'root')
  const root = join(place.stateDir, folder)
  mkdirSync(root, { recursive: true })
  const shown = async (file: string, name: string) => {
    await show(place, file, join(root, name))
    return `/${name}`
  }
  const boot = config['boot-source']
  const jailed: Config = {
    ...config,
    'boot-source': {
      ...boot,
      kernel_image_path: await shown(boot.kernel_image_path, 'kernel'),
      ...(boot.initrd_path !== undefined && { initrd_path: await shown(boot.initrd_path, 'initramfs') }),
    },
    drives: await Promise.all(
      config.drives.map(async (one) => ({ ...one, path_on_host: await shown(one.path_on_host, one.drive_id) })),
    ),
  }
  // Its user's are the files that it writes to, and the folder: the conductor's socket there belongs to whom that belongs to.
  const written = config.drives.flatMap(({ path_on_host, is_read_only }) => (is_read_only ? [] : [path_on_host]))
  await place.run(['chown', `${jailUser}:${jailUser}`, root, ...written])
  writeFileSync(join(root, 'vm.json'), JSON.stringify(jailed))
  // The place has the cgroup and the network namespace that the jailer would make or join.
  const jail = ['--id', 'vm', '--uid', String(jailUser), '--gid', String(jailUser), '--chroot-base-dir', place.stateDir]
  return { argv: [jailer, ...jail, '--exec-file', program, '--', ...own('/')], folder, api: join(root, 'api.sock') }
}

/** Firecracker with a guest of isobench's in a place: what the conductor is to start, and its API. */
export async function vmSpec(
  place: GuestSandbox,
  { kernel, disk, data }: { readonly kernel: GuestKernel; readonly disk: string; readonly data: string },
  options: Options,
): Promise<VmSpec & { readonly api: string }> {
  const tap = await place.tap(jailerOf(options) === false ? undefined : jailUser)
  const nonce = createNonce()
  const line = kernelCommandLine(
    { root: 'ext4:/dev/vda', data: 'ext4:/dev/vdb', address: tap.address, channel: vsock.channel, halt: 'reboot' },
    nonce,
    // It has a keyboard controller for a reset alone, and ends at one; and no PCI unless told to. From its own default line.
    ['console=ttyS0', 'reboot=k', 'pci=off', 'i8042.noaux', 'i8042.nomux', 'i8042.dumbkbd'],
  )
  const { argv, folder, api } = await microvm(
    place,
    {
      'boot-source': { kernel_image_path: kernel.vmlinux, initrd_path: kernel.initramfs, boot_args: line },
      'machine-config': { vcpu_count: place.limits.cpus.length, mem_size_mib: ramMiB(place) },
      drives: [
        driveConfig('root', disk, { root: false, readOnly: true }),
        driveConfig('data', data, { root: false, readOnly: false }),
      ],
      'network-interfaces': [{ iface_id: 'eth0', host_dev_name: tap.device, guest_mac: tap.mac }],
      vsock: { guest_cid: 3, uds_path: vsock.socket },
    },
    options,
  )
  return { nonce, vmm: argv, vsockSocket: join(folder, vsock.call), api }
}
