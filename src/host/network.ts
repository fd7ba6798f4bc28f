import { readFileSync } from 'node:fs'
import { IsobenchError } from '../util/errors.ts'
import type { CleanupJournal } from './journal.ts'
import { type HostArgv, runHostCommand } from './process.ts'

/** No block of addresses is free for the guests' links. */
export class NetworkError extends IsobenchError {
  readonly code = 'ISOBENCH_NETWORK'
}

/** A veth pair between isobench's client namespace and a guest's namespace. */
export interface Link {
  readonly netns: string
  /** The guest's end. */
  readonly address: string
  readonly clientAddress: string
  readonly prefix: number
  /** The device at the client's end. */
  readonly device: string
}

/** The third octet of the first /24 that is a bridge's; the links' /30s are below. */
const firstSubnet = 224

const toNumber = (address: string) => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)

interface Route {
  readonly to: number
  readonly mask: number
}

/** A tap device in isobench's client namespace, in place of a veth pair: a guest with a kernel of its own is at its other end. */
export interface Tap {
  readonly device: string
  /** Of the guest's end: locally administered, and different for each address. */
  readonly mac: string
  /** The guest's address with its prefix: `198.18.0.2/30`. */
  readonly address: string
}

/** The host's routes, from /proc/net/route: hexadecimal, least significant byte first. */
function routes(): Route[] {
  const flip = (hex: string) => toNumber([6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16)).join('.'))
  return readFileSync('/proc/net/route', 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map((fields) => ({ to: flip(fields[1]!), mask: flip(fields[7]!) }))
}

/** The first /16 for benchmarks (RFC 2544: 198.18.0.0/15), else of 10/8, that none of the host's routes touches. */
export function freeAddressBlock(taken: readonly Route[] = routes()): string {
  const candidates = ['198.18', '198.19', ...Array.from({ length: 64 }, (_, n) => `10.${191 - n}`)]
  const mask16 = toNumber('255.255.0.0')
  const overlaps = (block: number) =>
    // Routes for an eighth of all addresses or more, such as a default route or a VPN's halves, are about the rest.
    taken.some(({ to, mask }) => mask >>> 24 === 0xff && (block & mask & mask16) >>> 0 === (to & mask & mask16) >>> 0)
  const free = candidates.find((candidate) => !overlaps(toNumber(`${candidate}.0.0`)))
  if (!free) throw new NetworkError('every block of addresses for the guests collides with a route of this host')
  return free
}

/** Runs commands of ip in a namespace, all by one process: starting one takes longer than what it does. */
const ipIn = (netns: string, commands: readonly string[]): Promise<string> =>
  runHostCommand(['ip', '-n', netns, '-batch', '-'], { input: `${commands.join('\n')}\n` })

const hex = (address: string) => address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))

/** isobench's client namespace, to which every guest has a link of its own. Nothing leaves the machine. */
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

  /** A namespace with nothing but its loopback. */
  async namespace(name: string): Promise<AsyncDisposable> {
    const undo = await this.journal.create({ kind: 'netns', name }, () => runHostCommand(['ip', 'netns', 'add', name]))
    await runHostCommand(['ip', '-n', name, 'link', 'set', 'lo', 'up'])
    return undo
  }

  /** A /24 for a bridge: no guest's link is in it, and no route of the host's. */
  subnet(): string {
    return `${this.block}.${firstSubnet + (this.#subnets++ % (256 - firstSubnet))}`
  }

  /** A namespace with one end of a new link, in a /30 of its own. Removing the namespace removes the link. */
  async link(name: string): Promise<{ link: Link; undo: AsyncDisposable }> {
    const at = (this.#next++ * 4) % (firstSubnet * 256)
    const address = (offset: number) => `${this.block}.${Math.floor(at / 256)}.${(at % 256) + offset}`
    const [clientAddress, guestAddress] = [address(1), address(2)]
    const device = `isob${at}`
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
   * Puts a tap in the place of a link's veth pair, with the same addresses. Kernels differ in who may open one that is nobody's:
   * any user, or root alone, as Linux 6.12.117 has it. So whoever else is to open it is its `user`.
   */
  async tap(
    { address, clientAddress, prefix, device }: Link,
    user?: number,
  ): Promise<{ tap: Tap; undo: AsyncDisposable }> {
    const ip = (...args: string[]) => runHostCommand(['ip', '-n', this.clientNetns, ...args])
    const entry = { kind: 'link', netns: this.clientNetns, name: device } as const
    await ip('link', 'delete', device)
    const whose = user === undefined ? [] : ['user', String(user)]
    const undo = await this.journal.create(entry, () => ip('tuntap', 'add', 'dev', device, 'mode', 'tap', ...whose))
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

/** Argv that runs `argv` in a namespace. Not `ip netns exec`: that remounts /sys, and runtimes lose their cgroups. */
export const inNetns = (name: string, argv: readonly string[]): HostArgv => [
  'nsenter',
  `--net=/run/netns/${name}`,
  ...argv,
]
