/** The network of the guests: one client namespace with a link to every guest. No packet leaves the host. */

import { readFileSync } from 'node:fs'
import { IsobenchError } from '../util/errors.ts'
import type { CleanupJournal } from './journal.ts'
import { type HostArgv, runHostCommand } from './process.ts'

/** No address block is free for the guests' links. */
export class NetworkError extends IsobenchError {
  readonly code = 'ISOBENCH_NETWORK'
}

/** A veth pair between isobench's client namespace and the namespace of a guest. */
export interface Link {
  readonly netns: string
  /** Address of the guest's end. */
  readonly address: string
  readonly clientAddress: string
  readonly prefix: number
  /** Device of the client's end. */
  readonly device: string
}

/** Third octet of the first /24 for bridges. The /30s of the links are below it. */
const firstSubnet = 224

const toNumber = (address: string) => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)

interface Route {
  readonly to: number
  readonly mask: number
}

/** A tap device in isobench's client namespace, which replaces the veth pair if the guest is a VM. */
export interface Tap {
  readonly device: string
  /** MAC address of the guest: locally administered, derived from its IP address. */
  readonly mac: string
  /** Address of the guest with its prefix: `198.18.0.2/30`. */
  readonly address: string
}

/** Reads the host's routes from /proc/net/route: hexadecimal, least significant byte first. */
function routes(): Route[] {
  const flip = (hex: string) => toNumber([6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16)).join('.'))
  return readFileSync('/proc/net/route', 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map((fields) => ({ to: flip(fields[1]!), mask: flip(fields[7]!) }))
}

/**
 * Returns the first /16 that no route of the host overlaps: from 198.18.0.0/15, reserved for benchmarks (RFC 2544), or
 * else from 10.0.0.0/8.
 */
export function freeAddressBlock(taken: readonly Route[] = routes()): string {
  const candidates = ['198.18', '198.19', ...Array.from({ length: 64 }, (_, offset) => `10.${191 - offset}`)]
  const mask16 = toNumber('255.255.0.0')
  const overlaps = (block: number) =>
    // Ignore routes shorter than /8, such as a default route or the two halves of a VPN.
    taken.some(({ to, mask }) => mask >>> 24 === 0xff && (block & mask & mask16) >>> 0 === (to & mask & mask16) >>> 0)
  const free = candidates.find((candidate) => !overlaps(toNumber(`${candidate}.0.0`)))
  if (!free) throw new NetworkError('every address block for guests overlaps a route of this host.')
  return free
}

/** Runs several ip commands in a namespace with one process, because starting a process takes longer than its work. */
const ipIn = (netns: string, commands: readonly string[]): Promise<string> =>
  runHostCommand(['ip', '-n', netns, '-batch', '-'], { input: `${commands.join('\n')}\n` })

const hex = (address: string) => address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))

/** isobench's client namespace and its links to the guests. */
export class Network {
  #next = 0
  #subnets = 0

  private constructor(
    private readonly journal: CleanupJournal,
    readonly clientNetns: string,
    private readonly block: string,
  ) {}

  static async open(journal: CleanupJournal, prefix: string): Promise<Network> {
    const netns = `${prefix}-client`
    const network = new Network(journal, netns, freeAddressBlock())
    await network.namespace(netns)
    return network
  }

  /** Creates a namespace with only a loopback device. */
  async namespace(name: string): Promise<AsyncDisposable> {
    const undo = await this.journal.create({ kind: 'netns', name }, () => runHostCommand(['ip', 'netns', 'add', name]))
    await runHostCommand(['ip', '-n', name, 'link', 'set', 'lo', 'up'])
    return undo
  }

  /** Returns the first three octets of a /24 for a bridge. No guest link and no host route overlaps it. */
  subnet(): string {
    return `${this.block}.${firstSubnet + (this.#subnets++ % (256 - firstSubnet))}`
  }

  /** Creates a namespace with one end of a new link, in its own /30. Removing the namespace removes the link. */
  async link(name: string): Promise<{ link: Link; undo: AsyncDisposable }> {
    const base = (this.#next++ * 4) % (firstSubnet * 256)
    const address = (offset: number) => `${this.block}.${Math.floor(base / 256)}.${(base % 256) + offset}`
    const [clientAddress, guestAddress] = [address(1), address(2)]
    const device = `isob${base}`
    const undo = await this.journal.create({ kind: 'netns', name }, () => runHostCommand(['ip', 'netns', 'add', name]))
    try {
      await ipIn(this.clientNetns, [
        `link add ${device} type veth peer name eth0 netns ${name}`,
        `addr add ${clientAddress}/30 dev ${device}`,
        `link set ${device} up`,
      ])
      await ipIn(name, [`addr add ${guestAddress}/30 dev eth0`, 'link set lo up', 'link set eth0 up'])
    } catch (error) {
      await undo[Symbol.asyncDispose]()
      throw error
    }
    return { link: { netns: name, address: guestAddress, clientAddress, prefix: 30, device }, undo }
  }

  /**
   * Replaces a link's veth pair with a tap that has the same addresses.
   * @param user owner of the tap. Required unless root opens it: some kernels, for example Linux 6.12.117, allow only
   * root to open a tap without an owner.
   */
  async tap(
    { address, clientAddress, prefix, device }: Link,
    user?: number,
  ): Promise<{ tap: Tap; undo: AsyncDisposable }> {
    const ip = (...args: string[]) => runHostCommand(['ip', '-n', this.clientNetns, ...args])
    const entry = { kind: 'link', netns: this.clientNetns, name: device } as const
    await ip('link', 'delete', device)
    const owner = user === undefined ? [] : ['user', String(user)]
    const undo = await this.journal.create(entry, () => ip('tuntap', 'add', 'dev', device, 'mode', 'tap', ...owner))
    try {
      await ip('addr', 'add', `${clientAddress}/${prefix}`, 'dev', device)
      await ip('link', 'set', device, 'up')
    } catch (error) {
      await undo[Symbol.asyncDispose]()
      throw error
    }
    return { tap: { device, mac: ['02', '00', ...hex(address)].join(':'), address: `${address}/${prefix}` }, undo }
  }
}

/** Returns argv that runs `argv` in a namespace. Not `ip netns exec`, which remounts /sys and so hides the cgroups. */
export const inNetns = (name: string, argv: readonly string[]): HostArgv => [
  'nsenter',
  `--net=/run/netns/${name}`,
  ...argv,
]
