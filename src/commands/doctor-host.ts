/** What `doctor` prints about this host itself. */

import type { CgroupCheck, DiskCheck, HostCheck, KeyringCheck, UserNamespaceCheck } from '../host/host-checks.ts'
import { newerKeyringHint } from '../host/keyring.ts'

/** One line of `doctor`. */
export interface HostLine {
  readonly ok: boolean
  readonly name: string
  readonly text: string
  readonly fix?: string
}

/** The line about the distribution. `packages` is the distribution with the package names that isobench uses. */
export function distributionText({
  name,
  packages,
  exact,
}: {
  readonly name: string
  readonly packages: string | null
  readonly exact: boolean
}): HostLine {
  const line = { ok: exact, name: 'distribution' }
  if (packages === null) {
    const text = `${name}: isobench does not know its packages`
    return { ...line, text, fix: 'install the missing programs yourself; isobench uses those in PATH' }
  }
  if (!exact) return { ...line, text: `${name}: isobench tries the package names of ${packages}` }
  const [family = '', version = ''] = packages.split(' ')
  const isItself = name.startsWith(family) && name.includes(version)
  return { ...line, text: isItself ? name : `${name}, with the packages of ${packages}` }
}

const layouts: Readonly<Record<CgroupCheck['layout'], string>> = {
  unified: 'v2',
  hybrid: 'v1 and v2 (hybrid)',
  legacy: 'v1',
  none: 'no cgroup hierarchy below /sys/fs/cgroup',
}

function cgroupText({ ok, layout, missing, obstacle }: CgroupCheck): HostLine {
  const line = { ok, name: 'cgroups' }
  if (layout === 'none') return { ...line, text: layouts.none, fix: 'boot the host with cgroups enabled' }
  if (obstacle === 'read-only') {
    const fix = 'in a container: run it privileged and with its own cgroup namespace'
    return { ...line, text: `${layouts[layout]}, mounted read-only`, fix }
  }
  if (obstacle === 'processes-in-root') {
    return {
      ...line,
      text: `${layouts[layout]}, and the root cgroup has processes, so its controllers cannot be delegated`,
      fix: 'mkdir /sys/fs/cgroup/init, and write each line of /sys/fs/cgroup/cgroup.procs to its cgroup.procs',
    }
  }
  if (missing.length === 0) return { ...line, text: layouts[layout] }
  const fix = 'delegate them (systemd: Delegate=yes), or enable them on the kernel command line'
  return { ...line, text: `${layouts[layout]} without ${missing.join(', ')}`, ...(!ok && { fix }) }
}

function userNamespaceText({ ok, sysctl, profile }: UserNamespaceCheck): HostLine {
  const line = { ok, name: 'user namespaces' }
  if (sysctl === null) return { ...line, text: 'unprivileged processes can create them' }
  const setting = `${sysctl.name} is ${sysctl.value}`
  if (ok) return { ...line, text: `${setting}, and ${profile} allows podman to create them` }
  return {
    ...line,
    text: `${setting}: podman-rootless does not work; platforms that isobench starts as root do`,
    fix: `sysctl ${sysctl.name}=${sysctl.allowing}`,
  }
}

function keyringText({ ok, path, state }: KeyringCheck): HostLine {
  const line = { ok, name: 'keyring' }
  if (state === 'usable') return { ...line, text: path }
  const fix = state === 'absent' ? 'apt-get install debian-archive-keyring' : newerKeyringHint
  const text = state === 'absent' ? `${path} does not exist` : `${path} has no key of the image's suite`
  return { ...line, text: `${text}, so apt cannot verify the image's packages`, fix }
}

/** For example `3.0 GiB`. */
const inGiB = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

function diskText({ ok, folder, path, freeBytes, neededBytes }: DiskCheck): HostLine {
  const text = `${inGiB(freeBytes)} free at ${path}`
  if (ok) return { ok, name: `disk (${folder})`, text }
  const variable = folder === 'cache' ? 'ISOBENCH_CACHE' : 'ISOBENCH_STATE'
  const fix = `free space (isobench image prune), or set ${variable} to a folder on another disk`
  return { ok, name: `disk (${folder})`, text: `${text}, ${inGiB(neededBytes)} needed`, fix }
}

/** The line about a check. */
export function hostCheckText(check: HostCheck): HostLine {
  switch (check.check) {
    case 'cgroups':
      return cgroupText(check)
    case 'user-namespaces':
      return userNamespaceText(check)
    case 'keyring':
      return keyringText(check)
    case 'disk':
      return diskText(check)
  }
}
