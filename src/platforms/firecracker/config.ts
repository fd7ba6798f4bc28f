/** What Firecracker is told: the definitions of these names in its `firecracker.yaml`, as of v1.15.1. */

export interface BootSource {
  readonly kernel_image_path: string
  readonly initrd_path?: string
  readonly boot_args?: string
}

export interface Drive {
  readonly drive_id: string
  readonly path_on_host: string
  readonly is_root_device: boolean
  readonly is_read_only: boolean
  readonly cache_type: 'Unsafe' | 'Writeback'
  readonly io_engine: 'Sync' | 'Async'
}

export interface NetworkInterface {
  readonly iface_id: string
  readonly host_dev_name: string
  readonly guest_mac: string
}

/** A configuration file: the body of each request that sets a machine up, under the name of its path. */
export interface Config {
  readonly 'boot-source': BootSource
  readonly 'machine-config': { readonly vcpu_count: number; readonly mem_size_mib: number }
  readonly drives: readonly Drive[]
  readonly 'network-interfaces'?: readonly NetworkInterface[]
  readonly vsock?: { readonly guest_cid: number; readonly uds_path: string }
}

/**
 * What it logs of itself goes to its standard output, where the guest's serial port is as well: that it runs, and, after the
 * guest's last word, that it has ended.
 */
export const logErrorsOnly = ['--level', 'Error'] as const

/**
 * A disk of a guest's. Firecracker reads and writes through the host's page cache and has no option to go past it; `Writeback`
 * at least has a guest's flush reach the disk.
 */
export const driveConfig = (
  id: string,
  path: string,
  what: { readonly root: boolean; readonly readOnly: boolean },
): Drive => ({
  drive_id: id,
  path_on_host: path,
  is_root_device: what.root,
  is_read_only: what.readOnly,
  cache_type: 'Writeback',
  io_engine: 'Sync',
})
