/**
 * What confines the host processes of a guest, as the kernel reports it in `/proc` (proc(5)). Only reads, so it may run
 * while a workload is measured.
 */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { type Mount, mounts, parseMounts } from './mounts.ts'
import { capabilitiesOf, type ProcessSecurity, parseProcessSecurity } from './process-security.ts'

/** Every kind of namespace that a process may share with the host, as in `/proc/PID/ns`. */
const namespaceKinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const

/** What confines one thread. Each thread has own capabilities and seccomp filters. */
export interface ThreadConfinement extends ProcessSecurity {
  readonly boundingCapabilities: readonly string[]
  /** Effective user as a number of the host's first user namespace. */
  readonly user: number
}

/** What a process has open or shares with the host. */
export interface ProcessExposure {
  /** Namespaces that it shares with the host. */
  readonly sharedNamespaces: readonly string[]
  /** Label of a Linux security module; null if none labels it. */
  readonly lsmLabel: string | null
  /** Open files and directories of the host's file systems: paths on the host. */
  readonly hostFiles: readonly string[]
  /** Open devices, without terminals and those that give only zeros or random numbers. */
  readonly devices: readonly string[]
  /** Other kernel objects that it has open, such as `kvm-vm` and `io_uring`; without pipes and sockets. */
  readonly kernelObjects: readonly string[]
}

/** A host process with its threads. */
export interface ConfinedProcess {
  readonly pid: number
  readonly parent: number
  /** Name of its program, at most 15 bytes. */
  readonly program: string
  readonly threads: readonly { readonly tid: number; readonly confinement: ThreadConfinement }[]
  readonly exposure: ProcessExposure
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function link(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Parses `/proc/PID/status`. Returns undefined if it is something else, as for a process that has ended. */
export function parseConfinement(status: string): ThreadConfinement | undefined {
  const security = parseProcessSecurity(status)
  const bounding = /^CapBnd:\s*([\da-f]+)$/m.exec(status)?.[1]
  const user = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1]
  if (!security || bounding === undefined || user === undefined) return undefined
  return { ...security, boundingCapabilities: capabilitiesOf(bounding), user: Number(user) }
}

/** Devices that give a guest no way to the host: zeros, random numbers, and terminals. */
const harmless = /(?:^|\/dev)\/(?:null|zero|full|u?random|tty\d*|console|ptmx|pts\/\w+)$/

/** The mounts of the host, by which isobench recognizes its files in other mount namespaces. */
interface HostMounts {
  /** For each device, where the host mounts it: the one closest to the root of its file system. */
  readonly byDevice: ReadonlyMap<string, Mount>
}

/** Guests have own instances of these, or they contain the guest's own files. */
const guestTypes = new Set(['overlay', 'devpts', 'mqueue'])

export function hostMounts(all: readonly Mount[] = mounts()): HostMounts {
  const byDevice = new Map<string, Mount>()
  for (const mount of all) {
    const known = byDevice.get(mount.device)
    if (!guestTypes.has(mount.type) && (!known || mount.root.length < known.root.length))
      byDevice.set(mount.device, mount)
  }
  return { byDevice }
}

/** Joins a directory and what follows it. */
const under = (folder: string, rest: string) => (rest === '' ? folder : `${folder === '/' ? '' : folder}/${rest}`)

/** Returns what follows a folder in a path, or undefined if the path is elsewhere. */
function relative(folder: string, path: string): string | undefined {
  if (path === folder) return ''
  const prefix = folder === '/' ? '/' : `${folder}/`
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined
}

/**
 * Returns the path on the host of a file that a process has open, or undefined if the host's file systems lack it.
 * @param path as the process sees it
 * @param mount the mount through which the process has opened it
 */
export function pathOnHost(path: string, mount: Mount, { byDevice }: HostMounts): string | undefined {
  const host = byDevice.get(mount.device)
  const inMount = relative(mount.path, path)
  if (!host || inMount === undefined) return undefined
  const inHostMount = relative(host.root, under(mount.root, inMount))
  return inHostMount === undefined ? undefined : under(host.path, inHostMount)
}

function openFiles(pid: number, host: HostMounts): Pick<ProcessExposure, 'hostFiles' | 'devices' | 'kernelObjects'> {
  const [hostFiles, devices, kernelObjects] = [new Set<string>(), new Set<string>(), new Set<string>()]
  // Read when the first file needs it: most processes have few files open.
  let own: ReadonlyMap<number, Mount> | undefined
  for (const descriptor of list(`/proc/${pid}/fd`)) {
    const target = link(`/proc/${pid}/fd/${descriptor}`)
    const object = /^anon_inode:\[?([\w-]+)/.exec(target ?? '')?.[1]
    if (object !== undefined) kernelObjects.add(object)
    if (!target?.startsWith('/')) continue
    if (isDevice(`/proc/${pid}/fd/${descriptor}`)) {
      if (!harmless.test(target)) devices.add(target)
      continue
    }
    const id = /^mnt_id:\s*(\d+)$/m.exec(read(`/proc/${pid}/fdinfo/${descriptor}`) ?? '')?.[1]
    own ??= new Map(parseMounts(read(`/proc/${pid}/mountinfo`) ?? '').map((mount) => [mount.id, mount]))
    const mount = own.get(Number(id)) ?? mounts().find((one) => one.id === Number(id))
    const path = mount && pathOnHost(target.replace(/ \(deleted\)$/, ''), mount, host)
    if (path !== undefined) hostFiles.add(path)
  }
  return { hostFiles: [...hostFiles].sort(), devices: [...devices].sort(), kernelObjects: [...kernelObjects].sort() }
}

function isDevice(file: string): boolean {
  try {
    const stat = statSync(file)
    return stat.isCharacterDevice() || stat.isBlockDevice()
  } catch {
    return false
  }
}

/** Returns the namespaces of the host: those of its first process, or isobench's own if the kernel hides those. */
function hostNamespaces(): ReadonlyMap<string, string> {
  const of = (kind: string) => link(`/proc/1/ns/${kind}`) ?? link(`/proc/self/ns/${kind}`)
  return new Map(namespaceKinds.flatMap((kind) => (of(kind) === undefined ? [] : [[kind, of(kind)!] as const])))
}

/** Reads what confines processes. Leaves out those that have ended. */
export function readConfinement(pids: readonly number[]): ConfinedProcess[] {
  const host = { mounts: hostMounts(), namespaces: hostNamespaces() }
  return pids.flatMap((pid) => {
    const threads = list(`/proc/${pid}/task`).flatMap((tid) => {
      const confinement = parseConfinement(read(`/proc/${pid}/task/${tid}/status`) ?? '')
      return confinement ? [{ tid: Number(tid), confinement }] : []
    })
    const status = read(`/proc/${pid}/status`)
    if (threads.length === 0 || status === undefined) return []
    const label = read(`/proc/${pid}/attr/current`)?.replace(/[\0\n]+$/, '')
    return [
      {
        pid,
        parent: Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0),
        program: /^Name:\t(.*)$/m.exec(status)?.[1] ?? '',
        threads,
        exposure: {
          sharedNamespaces: [...host.namespaces].flatMap(([kind, id]) =>
            link(`/proc/${pid}/ns/${kind}`) === id ? [kind] : [],
          ),
          lsmLabel: label || null,
          ...openFiles(pid, host.mounts),
        },
      },
    ]
  })
}
