/** Objects on the host before and after many boots, counted as the conformance suite does. */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { left, bootSeconds as limit, traces } from '../../src/conformance/traces.ts'
import { loadProject } from '../../src/core/project/config.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../../src/core/project/platforms.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { probePlatforms } from '../../src/core/session/probe.ts'
import { seeded } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { mountsBelow } from '../../src/host/mounts.ts'
import { guestsFolder } from '../../src/host/paths.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

interface Boots {
  readonly boots: number
  /** How many of them are killed at a random time. */
  readonly kill: number
  readonly seed: string
  /** Names of the config's platforms. Undefined means all that work here. */
  readonly names: readonly string[] | undefined
}

/** The number of objects with this run's names, by kind. */
function counted(session: HostSession): string {
  const { prefix, network } = session
  const ours = (file: string) => {
    try {
      return readFileSync(file, 'latin1').includes(prefix)
    } catch {
      // It has ended.
      return false
    }
  }
  const processes = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && ours(`/proc/${pid}/cgroup`))
  const list = ['-n', network.clientNetns, '-brief', 'link']
  const links = execFileSync('ip', list, { encoding: 'utf8' }).trim().split('\n')
  const namespaces = readdirSync('/run/netns').filter((name) => name.startsWith(prefix))
  const inGuests = readdirSync(guestsFolder(), { recursive: true, encoding: 'utf8', withFileTypes: true })
  const counts = {
    processes: processes.length,
    'links and taps': links.length,
    namespaces: namespaces.length,
    mounts: mountsBelow(guestsFolder()).length,
    files: inGuests.filter((one) => !one.isSocket()).length,
    sockets: inGuests.filter((one) => one.isSocket()).length,
  }
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

/** Boots guests of one platform, one after the other, and returns everything that is new on the host. */
async function leftBy(
  { driver, options, spec }: ResolvedPlatform,
  { boots, kill, seed }: Boots,
  session: HostSession,
  rootfs: string,
): Promise<{ readonly found: string[]; readonly killedMs: number[] }> {
  const before = traces(rootfs)
  const ids: string[] = []
  const random = seeded(`${seed} ${spec.name}`)
  // The first boot is not killed, because its time limits the random times.
  const others = Array.from({ length: boots - 1 }, (_, at) => at + 1)
  const killed = new Set(Array.from({ length: kill }, () => others.splice(Math.floor(random() * others.length), 1)[0]))
  const killedMs: number[] = []
  let firstMs = 0
  for (let boot = 0; boot < boots; boot++) {
    await using sandbox = await session.createSandbox(rootfs, limit)
    ids.push(sandbox.id)
    const argv = await driver.oneShot(sandbox, ['/bin/true'], options)
    if (killed.has(boot)) {
      const timeoutMs = Math.max(1, Math.round(random() * firstMs))
      killedMs.push(timeoutMs)
      // A boot that is faster than the first one ends before it is killed.
      await runTimed(argv, { timeoutMs, label: spec.name }).catch(() => {})
    } else {
      const { milliseconds } = await runTimed(argv, { timeoutMs: limit * 1000, label: spec.name })
      firstMs ||= milliseconds
    }
  }
  return { found: await left(before, rootfs, ids), killedMs }
}

/** Prints for each platform the objects that are left: processes, mounts, cgroups, namespaces, links and files. */
async function countLeftovers(root: string, options: Boots, print: (line: string) => void): Promise<void> {
  const { boots, kill, seed, names } = options
  if (!(kill < boots)) throw new Error(`--kill ${kill} must be less than --boots ${boots}.`)
  const project = await loadProject(root)
  await using session = await HostSession.open(project.guest, {
    purpose: 'evidence: leftovers',
    wait: true,
    signal: new AbortController().signal,
  })
  const image = await ensureImage(project.image, { journal: session.journal })
  const chosen = project.platforms.filter(({ name }) => names?.includes(name) ?? true)
  const platforms = resolvePlatforms(chosen, drivers, project.configFile)
  const probes = await probePlatforms(platforms, session, image)
  for (const [at, platform] of platforms.entries()) {
    const { name } = platform.spec
    if (!probes[at]!.available) {
      print(`leftovers: ${name}: not measured, because it does not work here`)
      continue
    }
    const before = counted(session)
    const { found, killedMs } = await leftBy(platform, options, session, image.rootfs)
    const ends = kill === 0 ? '' : `, ${kill} of them killed after ${killedMs.join(', ')} ms (seed ${seed}),`
    print(
      `leftovers: ${name}: ${boots} boots${ends} left ${found.length} objects (goal: 0)` +
        found.map((one) => `\n  ${one}`).join(''),
    )
    print(`  before: ${before}\n  after:  ${counted(session)}`)
  }
}

export const leftovers: Measurement = {
  description: 'what many boots leave on the host',
  options: {
    boots: 'boots per platform; 100',
    kill: 'how many of them are killed at a random time; 0',
    seed: 'of the random times; 1',
    platform: 'names of the config; all that work here',
  },
  run: ({ root, options, print }) =>
    countLeftovers(
      root,
      {
        boots: countOption(options.boots, 100),
        kill: countOption(options.kill, 0),
        seed: options.seed ?? '1',
        names: listOption(options.platform),
      },
      print,
    ),
}
