/** Objects that isobench may leave on a host, found without the code of isobench. */

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { repository } from './cli.ts'

const usualState = '/var/lib/isobench'
export const stateFolder = process.env.ISOBENCH_STATE || usualState

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])

/** Fields of /proc/PID/stat from the state on. */
const statOf = (pid: number | string) => {
  const text = read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

const lives = (pid: number | string) => !['', 'Z', 'X'].includes(statOf(pid)[0]!)

/** The state folders of all isobench processes of this host, so that other runs are not leftovers. */
function stateFolders(): string[] {
  const others = list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => /(?:^|\0)ISOBENCH_STATE=([^\0]+)/.exec(read(`/proc/${pid}/environ`))?.[1] ?? [])
  return [...new Set([stateFolder, usualState, ...others])]
}

/** The journals of running processes: `isob-1a2b3c` or `image-123`. Objects with these names are not leftovers. */
export function living(): Set<string> {
  const alive = new Set<string>()
  for (const folder of stateFolders()) {
    for (const name of list(join(folder, 'journals'))) {
      const owner = /^\{"owner":\{"pid":(\d+),"started":"(\d+)"/.exec(read(join(folder, 'journals', name)))
      if (owner && lives(owner[1]!) && statOf(owner[1]!)[19] === owner[2]) alive.add(basename(name, '.jsonl'))
    }
  }
  return alive
}

const mounted = () =>
  read('/proc/self/mountinfo')
    .trim()
    .split('\n')
    .map((line) => ({ path: line.split(' ')[4]!, type: line.split(' - ')[1]!.split(' ')[0]! }))

function cgroupFolders(): string[] {
  const below = (folder: string): string[] =>
    existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true })
          .filter((item) => item.isDirectory())
          .flatMap((item) => [join(folder, item.name), ...below(join(folder, item.name))])
      : []
  return mounted()
    .filter(({ type, path }) => type.startsWith('cgroup') && path.startsWith('/sys/fs/cgroup'))
    .flatMap(({ path }) => below(join(path, 'isobench')))
}

/** Processes in a cgroup of isobench, or with a root, a working directory or an open file below its state. */
function processes(groups: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const group of groups)
    for (const pid of read(join(group, 'cgroup.procs')).split('\n')) if (pid && lives(pid)) found.set(pid, group)
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    const links = ['root', 'cwd']
    try {
      links.push(...readdirSync(`/proc/${pid}/fd`).map((name) => `fd/${name}`))
    } catch {
      // The process has ended.
    }
    for (const link of links) {
      try {
        const target = readlinkSync(`/proc/${pid}/${link}`)
        if (target.startsWith(`${stateFolder}/guests/`) && lives(pid)) found.set(pid, target)
      } catch {
        // The process has ended.
      }
    }
  }
  return [...found].map(([pid, why]) => `process ${pid} (${read(`/proc/${pid}/comm`).trim()}) by ${why}`)
}

/** The objects of isobench on this host, a line each, without those of a running process. */
export function leftovers(): string[] {
  const before = living()
  const groups = cgroupFolders()
  const found = [
    ...groups.map((path) => `cgroup ${path}`),
    ...processes(groups),
    ...stateFolders().flatMap((folder) => [
      ...mounted()
        .filter(({ path }) => path.startsWith(`${folder}/`))
        .map(({ path }) => `mount ${path}`),
      ...list(join(folder, 'guests')).map((name) => `directory ${folder}/guests/${name}`),
      ...list(join(folder, 'journals')).map((name) => `journal ${folder}/journals/${name}`),
    ]),
    ...list('/run/netns')
      .filter((name) => name.startsWith('isob-'))
      .map((name) => `netns ${name}`),
    ...list('/sys/class/net')
      .filter((name) => name.startsWith('isob'))
      .map((name) => `link ${name}`),
  ]
  const alive = [...before, ...living()]
  return found.filter((line) => !alive.some((name) => line.includes(name))).sort()
}

/** Remembers what exists now. `expectClean` fails for everything that is new. */
export function observe(): { leftovers(): string[]; expectClean(): void } {
  const before = new Set(leftovers())
  const added = () => leftovers().filter((line) => !before.has(line))
  return { leftovers: added, expectClean: () => expect(added()).toEqual([]) }
}

/** Whether to test a platform: all of them, unless `ISOBENCH_E2E_PLATFORMS=runc,crun` is set. */
export const isChosen = (name: string): boolean => process.env.ISOBENCH_E2E_PLATFORMS?.split(',').includes(name) ?? true

interface DiagnosedPlatform {
  readonly name: string
  readonly available: boolean
  readonly reason?: string
  readonly supportedWorkloads?: readonly string[]
}

/** Why each of these platforms does not work here, or `''`. Boots each of them once. */
export const obstacles = (...kinds: string[]) => unless(({ available }) => available, kinds)

/** Why the start of each of these VMMs cannot be measured here. */
export const vmmStartObstacles = (...kinds: string[]) =>
  unless(({ available, supportedWorkloads }) => available || supportedWorkloads?.includes('vmm-start') === true, kinds)

async function unless(
  works: (one: DiagnosedPlatform) => boolean,
  kinds: readonly string[],
): Promise<Record<string, string>> {
  const { stdout } = await execa(
    process.execPath,
    [join(repository, 'bin/isobench.js'), 'doctor', '--json', '--wait-for-lock', '--platform', kinds.join(',')],
    { cwd: repository, reject: false },
  )
  const { platforms } = JSON.parse(stdout) as { platforms: readonly DiagnosedPlatform[] }
  return Object.fromEntries(platforms.map((one) => [one.name, works(one) ? '' : (one.reason ?? '?')]))
}

/** Builds the image if there is none. This takes a minute or more, once per host. */
export function ensureImage(): void {
  const bin = join(repository, 'bin/isobench.js')
  execFileSync(process.execPath, [bin, 'image', 'build', '--install'], { cwd: repository, stdio: 'pipe' })
}
