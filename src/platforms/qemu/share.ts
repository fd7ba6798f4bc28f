import type { VmSpec } from '../../guest/vm/conductor.ts'
import { makeDataDisk } from '../../guest/vm/data-disk.ts'
import { virtiofsd } from '../../guest/vm/virtiofsd.ts'
import type { GuestSandbox } from '../driver.ts'
import type { Options } from './options.ts'

/** How a guest gets its /data. */
interface Share {
  /** What its first process mounts there. */
  readonly told: { readonly data: string; readonly dataOptions?: string }
  /** What QEMU is given for it. */
  readonly argv: readonly string[]
  readonly helper?: VmSpec['helper']
}

/** Arguments for a device of the machine's bus. */
type Device = (kind: string, ...properties: string[]) => string[]

/** A comma in a value of QEMU's is written twice. */
const value = (text: string) => text.replaceAll(',', ',,')

/**
 * Makes what is to be /data.
 * @param device Arguments for a device of the machine's bus.
 * @param block The block options of a file.
 */
export async function createDataShare(
  place: GuestSandbox,
  { share }: Options,
  { device, block }: { readonly device: Device; readonly block: (file: string) => string },
): Promise<Share> {
  if (share === 'block') {
    return {
      told: { data: 'ext4:/dev/vdb' },
      argv: [
        ...['-drive', `if=none,id=data,${block(await makeDataDisk(place))}`],
        ...device('virtio-blk', 'drive=data'),
      ],
    }
  }
  if (share === '9p') {
    return {
      // As Kata mounts it, with the longest messages that Linux takes for granted; `mmap`, as programs map files to write.
      told: { data: '9p:data', dataOptions: 'trans=virtio,version=9p2000.L,msize=131072,cache=mmap' },
      argv: [
        ...['-fsdev', `local,id=data,path=${value(place.dataDir)},security_model=passthrough`],
        ...device('virtio-9p', 'fsdev=data', 'mount_tag=data'),
      ],
    }
  }
  return {
    told: { data: 'virtiofs:data' },
    argv: ['-chardev', 'socket,id=data,path=helper.sock', ...device('vhost-user-fs', 'chardev=data', 'tag=data')],
    helper: virtiofsd(place.dataDir),
  }
}
