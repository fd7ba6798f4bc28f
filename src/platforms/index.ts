import type { Driver } from '../driver.ts'
import type { DriverInput } from '../dsl/platform.ts'
import { bubblewrap } from './bubblewrap.ts'
import { cloudHypervisor } from './cloud-hypervisor.ts'
import { containerd } from './containerd.ts'
import { crun } from './crun.ts'
import { docker } from './docker.ts'
import { firecracker } from './firecracker.ts'
import { gvisor } from './gvisor.ts'
import { kata } from './kata.ts'
import { kubernetes } from './kubernetes.ts'
import { lxc } from './lxc.ts'
import { native } from './native.ts'
import { nspawn } from './nspawn.ts'
import { osv } from './osv.ts'
import { podman } from './podman.ts'
import { qemu } from './qemu.ts'
import { runc } from './runc.ts'
import { userModeLinux } from './user-mode-linux.ts'
import { youki } from './youki.ts'

/** isobench's drivers. To add one, write a file and add it here. */
const all = {
  native,
  runc,
  crun,
  youki,
  containerd,
  docker,
  podman,
  lxc,
  gvisor,
  bubblewrap,
  nspawn,
  qemu,
  firecracker,
  'cloud-hypervisor': cloudHypervisor,
  kata,
  osv,
  'user-mode-linux': userModeLinux,
  kubernetes,
}

/** The options of each kind of platform in `platform(kind, options)`. */
export type PlatformKinds = { readonly [K in keyof typeof all]: DriverInput<(typeof all)[K]> }

/** The built-in drivers by kind. */
export const drivers: Readonly<Record<string, Driver>> = all as unknown as Readonly<Record<string, Driver>>
