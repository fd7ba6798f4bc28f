import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { messageOf } from '../../errors.ts'
import { runHostCommand } from '../../guest/host.ts'
import type { RunSandbox } from '../driver.ts'
import { memoizeAsync } from '../once-per.ts'
import { clientOf, type Daemon, importingFolder, removeAllArgv } from './client.ts'
import { findRegisteredRuntime, type Runtimes } from './registered.ts'

/** Where the host's dockerd is to be: as Docker's own client finds it, contexts left out. */
export const hostSocket = (): string => process.env.DOCKER_HOST || 'unix:///var/run/docker.sock'

/** Whether there is somebody on this machine to ask: another machine is never asked. */
export const hasHostSocket = (): boolean => {
  const socket = hostSocket()
  return socket.startsWith('unix://') && existsSync(socket.slice('unix://'.length))
}

/** The host's dockerd: what it knows, or why isobench's guests cannot be its containers. */
export type HostDaemon =
  | { readonly usable: true; readonly socket: string; readonly runtimes: Runtimes }
  | { readonly usable: false; readonly reason: string }

/** What isobench reads of `docker info`. */
interface Info {
  readonly CgroupDriver?: string
  readonly Runtimes?: Runtimes
  readonly SecurityOptions?: readonly string[]
  readonly ServerErrors?: readonly string[]
}

const asked = memoizeAsync(async (socket): Promise<HostDaemon> => {
  const no = (reason: string): HostDaemon => ({ usable: false, reason: `the dockerd at ${socket} ${reason}` })
  if (!socket.startsWith('unix://')) return no('is not known to be on this machine: only unix:// is')
  if (!hasHostSocket()) return no('does not run')
  const ask = async (...args: string[]) =>
    JSON.parse(await runHostCommand(['docker', '--host', socket, ...args], { timeout: 10 }))
  try {
    const info = (await ask('info', '--format', '{{json .}}')) as Info
    if (info.ServerErrors?.length) return no(`does not answer: ${info.ServerErrors[0]}`)
    if (info.SecurityOptions?.some((option) => option.includes('rootless'))) return no('is rootless')
    if (info.CgroupDriver !== 'cgroupfs') {
      return no(`has the cgroup driver ${info.CgroupDriver}, which lets no container into a guest's cgroup`)
    }
    const bridge = (await ask('network', 'inspect', '--format', '{{json .Options}}', 'bridge')) as Record<
      string,
      string
    >
    if (bridge['com.docker.network.bridge.enable_icc'] === 'false') {
      return no('lets nobody on its bridge call on a container (icc is off)')
    }
    return { usable: true, socket, runtimes: info.Runtimes ?? {} }
  } catch (error) {
    return no(`does not answer: ${messageOf(error)}`)
  }
})

/** The host's dockerd, asked once in the life of this process: so a run does not change daemons on its way. */
export const hostDaemon = (): Promise<HostDaemon> => asked(hostSocket())

/**
 * Uses a dockerd of the host's: what is made there carries this run's name and label, is removed with the run, and is all that
 * isobench looks at. The image is copied into it, for its layers are its own.
 */
export async function useDaemon(found: HostDaemon & { readonly usable: true }, ground: RunSandbox): Promise<Daemon> {
  const client = clientOf(ground, found.socket)
  const label = `isobench=${ground.id}`
  await ground.onCleanup(`what ${ground.id} made in the dockerd at ${found.socket}`, removeAllArgv(client, label))
  return {
    own: false,
    client,
    labels: [label],
    runtime: async (runtime, flags) => findRegisteredRuntime(found.runtimes, runtime, flags) ?? runtime,
    image: memoizeAsync(async (rootfs) => {
      const name = `${ground.id}:${createHash('sha256').update(rootfs).digest('hex').slice(0, 12)}`
      await ground.run(importingFolder(client, rootfs, name, label))
      return name
    }),
  }
}
