import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { guestsFolder } from '../../guest/paths.ts'
import { hasHybridControllers, unifiedHierarchy } from '../crun.ts'
import { type GuestSandbox, type HostArgv, idleCommand, type RunSandbox, type Unavailable } from '../driver.ts'
import { waitForHostPid } from '../namespaces.ts'
import { memoizeAsync } from '../once-per.ts'
import { pipeTarInto } from '../packing.ts'
import { withPrivateMounts } from '../private-mounts.ts'
import { podmanSettings } from './settings.ts'

/** The user whom podman runs as: nobody's number, of those that systemd keeps for users without an account. */
const user = 65519
/** The host's ids that stand for the guest's others, from 1 on. Nothing on the host belongs to them. */
const ids = '1000000:65536'

/** podman of a user without rights, with its own store. */
export interface Rootless {
  /** Argv of podman, to be run in the guest's place. */
  command(...args: readonly string[]): HostArgv
  /** A copy of this root filesystem whose files belong to the guest's users. */
  image(rootfs: string): Promise<string>
}

/** The host's owner of each of the image's, in the form of tar's `--owner-map`: those of Debian's own packages, and nobody. */
const ownerMap = [...Array.from({ length: 1000 }, (_, id) => id), 65534]
  .map((id) => `+${id} isobench:${id === 0 ? user : Number(ids.split(':')[0]) + id - 1}`)
  .join('\n')

/**
 * A user, with a range of ids, whom the host does not have: their lines are in copies of the host's files that this ground's
 * processes alone see.
 */
function userFiles(folder: string): (readonly ['bind,ro', from: string, to: string])[] {
  const own: Readonly<Record<string, string>> = {
    passwd: `isobench:x:${user}:${user}::/:/bin/sh\n`,
    group: `isobench:x:${user}:\n`,
    subuid: `isobench:${ids}\n`,
    subgid: `isobench:${ids}\n`,
  }
  mkdirSync(folder)
  return Object.entries(own).map(([name, line]) => {
    const [from, to] = [join(folder, name), `/etc/${name}`]
    writeFileSync(from, line + readFileSync(to, 'utf8'))
    return ['bind,ro', from, to] as const
  })
}

// A constant text: argv comes as positional parameters, and nothing of a user's is interpreted.
const withoutUnified: HostArgv = ['sh', '-c', `umount ${unifiedHierarchy} && exec "$@"`, 'sh']

/** Makes the user's store and settings, and the mounts in which its podman runs. */
export async function makeRootless(ground: RunSandbox, runtime: string): Promise<Rootless> {
  const home = join(ground.stateDir, 'home')
  const networks = join(home, 'networks')
  // Below the ground's own /run, because a longer path is none that podman takes.
  const runtimeFolder = join(ground.stateDir, 'run', 'user')
  for (const folder of [home, networks, runtimeFolder]) {
    mkdirSync(folder, { recursive: true })
    chownSync(folder, user, user)
  }
  chmodSync(runtimeFolder, 0o700)
  writeFileSync(join(home, 'containers.conf'), podmanSettings(networks))
  // crun refuses it where it has controllers, and an unprivileged user can't take it out of sight.
  const resting: HostArgv = hasHybridControllers() ? [...withoutUnified, ...idleCommand] : idleCommand
  const binds = userFiles(join(ground.stateDir, 'etc'))
  const keeper = await waitForHostPid(
    await ground.spawn(ground.wrap(withPrivateMounts(ground, resting, binds))),
    idleCommand,
  )
  const command = (...args: readonly string[]): HostArgv => [
    'nsenter',
    ...[`--target=${keeper}`, '--mount'],
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'],
    ...['env', '--ignore-environment', '--chdir=/'],
    ...[`PATH=${process.env.PATH}`, `HOME=${home}`, 'XDG_RUNTIME_DIR=/run/user', `TMPDIR=${home}`],
    `CONTAINERS_CONF=${join(home, 'containers.conf')}`,
    'podman',
    ...[`--root=${join(home, 'storage')}`, '--runroot=/run/user/containers', '--tmpdir=/run/user/libpod'],
    ...['--storage-driver=overlay', `--runtime=${runtime}`, '--log-level=error'],
    ...args,
  ]
  // The first podman leaves a process that keeps the user's namespaces: in here, it stays as long as the store.
  await ground.run(ground.wrap(command('ps')))
  let images = 0
  const image = memoizeAsync(async (rootfs) => {
    const folder = join(home, `image-${images++}`)
    mkdirSync(folder)
    const map = join(ground.stateDir, 'owners')
    writeFileSync(map, ownerMap)
    await ground.run(
      pipeTarInto(rootfs, ['tar', '--xattrs', '--numeric-owner', '--same-owner', '-C', folder, '-xp'], map),
    )
    return folder
  })
  return { command, image }
}

/** Gives the guest's data to the user who is root in it. */
export const chownDataDir = (place: GuestSandbox): void => chownSync(place.dataDir, user, user)

const says = (file: string, value: string) => existsSync(file) && readFileSync(file, 'utf8').trim() === value

/** Settings of the kernel that keep users without rights from namespaces of their own, and the value that does. */
const switches = [
  ['user.max_user_namespaces', '0', '15000'],
  ['kernel.unprivileged_userns_clone', '0', '1'],
  ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
] as const

/** What keeps an unprivileged user from running podman here. */
export function rootlessPreflight(): string | Unavailable | undefined {
  if (!existsSync('/proc/self/ns/user')) return 'this kernel has no user namespaces'
  const absent = ['/etc/subuid', '/etc/subgid'].filter((file) => !existsSync(file))
  if (absent.length > 0) {
    return { reason: `there is no ${absent.join(', ')} for a copy to be mounted on`, fix: `touch ${absent.join(' ')}` }
  }
  for (const [name, off, on] of switches) {
    if (says(`/proc/sys/${name.replaceAll('.', '/')}`, off)) {
      return {
        reason: `unprivileged users may make no user namespaces here: ${name} is ${off}`,
        fix: `sysctl ${name}=${on}`,
      }
    }
  }
  for (let folder = guestsFolder(); folder !== '/'; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) {
      return {
        reason: `unprivileged users cannot reach isobench's state: ${folder} is closed to them`,
        fix: `chmod o+x ${folder}, or set ISOBENCH_STATE to a folder that is open`,
      }
    }
  }
  return undefined
}
