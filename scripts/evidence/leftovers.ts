/** What many boots leave on the machine: objects counted before and after, with the eyes of the conformance suite. */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { loadProject } from '../../src/core/project/config.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../../src/core/project/platforms.ts'
import { probePlatforms } from '../../src/core/session/probe.ts'
import { Session } from '../../src/core/session/session.ts'
import { seeded } from '../../src/core/stats/index.ts'
import { ensureImage } from '../../src/host/image.ts'
import { guestsFolder } from '../../src/host/lock.ts'
import { mountsBelow } from '../../src/host/mounts.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { left, bootSeconds as limit, traces } from '../../test/e2e/conformance/traces.ts'

interface Boots {
  readonly boots: number
  /** How many of them are killed at a random moment. */
  readonly kill: number
  readonly seed: string
  /** Names of the config's platforms; all that work here when left out. */
  readonly names: readonly string[] | undefined
}

/** How many objects with this run's names there are now, by kind. */
function counted(session: Session): string {
  const { prefix, network } = session
  const ours = (file: string) => {
    try {
      return readFileSync(file, 'latin1').includes(prefix)
    } catch {
      // It ended meanwhile.
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

/** Boots guests of one platform, one after the other, and names everything that was not there before. */
async function leftBy(
  { driver, options, spec }: ResolvedPlatform,
  { boots, kill, seed }: Boots,
  session: Session,
  rootfs: string,
): Promise<{ readonly found: string[]; readonly killedMs: number[] }> {
  const before = traces(rootfs)
  const ids: string[] = []
  const random = seeded(`${seed} ${spec.name}`)
  // Which ones: the first is whole, and tells how long a boot takes.
  const others = Array.from({ length: boots - 1 }, (_, at) => at + 1)
  const killed = new Set(Array.from({ length: kill }, () => others.splice(Math.floor(random() * others.length), 1)[0]))
  const killedMs: number[] = []
  let takesMs = 0
  for (let boot = 0; boot < boots; boot++) {
    await using place = await session.createSandbox(rootfs, limit)
    ids.push(place.id)
    const argv = await driver.oneShot(place, ['/bin/true'], options)
    if (killed.has(boot)) {
      const timeoutMs = Math.max(1, Math.round(random() * takesMs))
      killedMs.push(timeoutMs)
      // A boot that is quicker than the first was ends before it is killed.
      await runTimed(argv, { timeoutMs, label: spec.name }).catch(() => {})
    } else {
      const { milliseconds } = await runTimed(argv, { timeoutMs: limit * 1000, label: spec.name })
      takesMs ||= milliseconds
    }
  }
  return { found: await left(before, rootfs, ids), killedMs }
}

/** Says for each platform how many objects are left after so many boots: processes, mounts, cgroups, namespaces, links, files. */
export async function leftovers(root: string, given: Boots, say: (text: string) => void): Promise<void> {
  const { boots, kill, seed, names } = given
  if (!(kill < boots)) throw new Error(`--kill ${kill} of --boots ${boots}: one at least is not killed`)
  const project = await loadProject(root)
  await using session = await Session.open(project.guest, {
    purpose: 'bench:self',
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
      say(`leftovers: ${name}: left out, as it does not work here`)
      continue
    }
    const before = counted(session)
    const { found, killedMs } = await leftBy(platform, given, session, image.rootfs)
    const ends = kill === 0 ? '' : `, ${kill} of them killed after ${killedMs.join(', ')} ms (seed ${seed}),`
    say(
      `leftovers: ${name}: ${boots} boots${ends} left ${found.length} objects (wanted: 0)${found.map((one) => `\n  ${one}`).join('')}`,
    )
    say(`  before: ${before}\n  after:  ${counted(session)}`)
  }
}
