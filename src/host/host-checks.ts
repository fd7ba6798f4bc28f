/** Properties of this host that limit what isobench can do, as data. `doctor` prints them. */

import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { debianKeyring, verifiesImage } from './keyring.ts'
import { type Mount, parseMounts } from './mounts.ts'
import { cacheFolder, stateFolder } from './paths.ts'

/** Whether processes without privileges may create user namespaces. Only rootless platforms need that. */
export interface UserNamespaceCheck {
  readonly check: 'user-namespaces'
  readonly ok: boolean
  /** The setting that forbids it, or `null`. */
  readonly sysctl: { readonly name: string; readonly value: string; readonly allowing: string } | null
  /** The AppArmor profile that allows it for the program although the setting forbids it, or `null`. */
  readonly profile: string | null
}

/** The cgroup hierarchies, and the controllers that isobench cannot use in its own cgroups. */
export interface CgroupCheck {
  readonly check: 'cgroups'
  readonly ok: boolean
  /** `unified`: cgroup v2 only. `hybrid`: controllers of v1, and v2 beside them. `legacy`: v1 only. */
  readonly layout: 'unified' | 'hybrid' | 'legacy' | 'none'
  readonly missing: readonly string[]
  /** Why isobench cannot delegate controllers to its cgroups although they exist, or `null`. */
  readonly obstacle: 'read-only' | 'processes-in-root' | null
}

/** The keys that verify the archive of the image. */
export interface KeyringCheck {
  readonly check: 'keyring'
  readonly ok: boolean
  readonly path: string
  readonly state: 'usable' | 'absent' | 'outdated'
}

/** Free space below a folder of isobench. */
export interface DiskCheck {
  readonly check: 'disk'
  readonly ok: boolean
  readonly folder: 'cache' | 'state'
  readonly path: string
  readonly freeBytes: number
  readonly neededBytes: number
}

export type HostCheck = UserNamespaceCheck | CgroupCheck | KeyringCheck | DiskCheck

const read = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined)

/** Settings that can forbid unprivileged user namespaces: name, forbidding value, allowing value. */
const sysctls = [
  ['user.max_user_namespaces', '0', '15000'],
  ['kernel.unprivileged_userns_clone', '0', '1'],
] as const

const apparmorSysctl = ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'] as const

/**
 * Checks whether a program may create user namespaces without privileges. Ubuntu since 23.10 allows it only to programs
 * with an AppArmor profile that has the rule `userns`; its package apparmor has one for /usr/bin/podman. Processes with
 * CAP_SYS_ADMIN are not restricted, so LXC and bubblewrap, which isobench starts as root, are not affected.
 * Source: ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces
 * @param program path of the program that creates the namespace
 * @param root a folder with the host's /proc and /etc
 */
export function checkUserNamespaces(program = '/usr/bin/podman', root = '/'): UserNamespaceCheck {
  const settingOf = (name: string) => read(join(root, 'proc/sys', name.replaceAll('.', '/')))
  const result = (ok: boolean, found?: readonly [string, string, string], profile: string | null = null) => ({
    check: 'user-namespaces' as const,
    ok,
    sysctl: found ? { name: found[0], value: found[1], allowing: found[2] } : null,
    profile,
  })
  const forbidding = sysctls.find(([name, value]) => settingOf(name) === value)
  if (forbidding) return result(false, forbidding)
  if (settingOf(apparmorSysctl[0]) !== apparmorSysctl[1]) return result(true)
  const file = join(root, 'etc/apparmor.d/podman')
  const text = read(file)?.replace(/^\s*#.*$/gm, '') ?? ''
  const allows = /\buserns\b/.test(text) && text.includes(` ${program} `)
  return result(allows, apparmorSysctl, allows ? '/etc/apparmor.d/podman' : null)
}

/** Controllers that isobench sets limits with. The last one is part of v2 itself. */
const limitControllers = ['cpuset', 'cpu', 'memory', 'pids']
/** A controller of other limits. isobench reports that it is missing, and works without it. */
const furtherControllers = ['io']

/** The name of a v2 controller in v1. */
const v1Name = (controller: string) => (controller === 'io' ? 'blkio' : controller)

/**
 * Checks the cgroup hierarchies for isobench's cgroups, which are children of their roots.
 * @param root a folder with the host's /proc and /sys
 */
export function checkCgroups(root = '/'): CgroupCheck {
  const below = parseMounts(read(join(root, 'proc/self/mountinfo')) ?? '').filter(({ path }) =>
    path.startsWith('/sys/fs/cgroup'),
  )
  const legacy = below.filter(({ type }) => type === 'cgroup')
  const unified = below.find(({ type }) => type === 'cgroup2')
  const layout =
    legacy.length === 0 ? (unified ? 'unified' : 'none') : unified === undefined ? 'legacy' : ('hybrid' as const)
  const words = (file: string) => (unified ? (read(join(root, unified.path, file)) ?? '').split(/\s+/) : [])
  const inUnified = words('cgroup.controllers').filter(Boolean)
  const inLegacy = legacy.flatMap(({ superOptions }) => superOptions)
  const wanted = [...limitControllers, ...furtherControllers]
  const missing = wanted.filter((name) => !inUnified.includes(name) && !inLegacy.includes(v1Name(name)))
  const obstacle = unified && layout === 'unified' ? obstacleIn(unified, words, wanted) : null
  const ok = layout !== 'none' && obstacle === null && !missing.some((name) => limitControllers.includes(name))
  return { check: 'cgroups', ok, layout, missing, obstacle }
}

/**
 * Why controllers cannot be passed on to children of the root of a hierarchy. In a container the root is an ordinary
 * cgroup, which has `cgroup.type`: with processes in it, the kernel refuses (cgroup-v2.rst, "No Internal Process
 * Constraint").
 */
function obstacleIn(
  unified: Mount,
  words: (file: string) => readonly string[],
  wanted: readonly string[],
): CgroupCheck['obstacle'] {
  if (unified.options.includes('ro')) return 'read-only'
  const available = wanted.filter((name) => words('cgroup.controllers').includes(name))
  const delegated = words('cgroup.subtree_control')
  const isDelegated = available.every((name) => delegated.includes(name))
  const isRoot = words('cgroup.type').filter(Boolean).length === 0
  return isRoot || isDelegated || words('cgroup.procs').filter(Boolean).length === 0 ? null : 'processes-in-root'
}

/** Checks the keys for the image. */
export function checkKeyring(path = debianKeyring): KeyringCheck {
  const state = !existsSync(path) ? 'absent' : verifiesImage(path) ? 'usable' : 'outdated'
  return { check: 'keyring', ok: state === 'usable', path, state }
}

const gibibyte = 1024 ** 3

/**
 * Space in the cache folder: the image and the disk for VMs take 1 GiB each, and a build as much again. If they exist:
 * what another disk takes.
 */
const cacheNeed = { build: 3 * gibibyte, built: gibibyte }
/** Space in the state folder for one guest's data. */
const stateNeed = gibibyte

/** The file system that a folder is on or will be on. */
function existingFolder(path: string): string {
  return existsSync(path) || path === '/' ? path : existingFolder(dirname(path))
}

/**
 * Checks the free space of isobench's folders.
 * @param isImageBuilt whether the cache has the image already
 * @param freeBytes returns the bytes that root can still write below an existing folder
 */
export function checkDisks(
  isImageBuilt: boolean,
  freeBytes = (folder: string) => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  },
): readonly DiskCheck[] {
  const needs = [
    ['cache', cacheFolder(), isImageBuilt ? cacheNeed.built : cacheNeed.build],
    ['state', stateFolder(), stateNeed],
  ] as const
  return needs.map(([folder, path, neededBytes]) => {
    const free = freeBytes(existingFolder(path))
    return { check: 'disk', ok: free >= neededBytes, folder, path, freeBytes: free, neededBytes }
  })
}

/** Checks this host. */
export const checkHost = (isImageBuilt: boolean): readonly HostCheck[] => [
  checkCgroups(),
  checkUserNamespaces(),
  checkKeyring(),
  ...checkDisks(isImageBuilt),
]
