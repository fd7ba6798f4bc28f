/** What many boots leave on the machine: objects counted before and after, with the eyes of the conformance suite. */
import { probePlatforms, type ResolvedPlatform, resolvePlatforms } from '../src/core/probe.ts'
import { loadProject } from '../src/core/project.ts'
import { Session } from '../src/core/session.ts'
import { ensureImage } from '../src/guest/image/image.ts'
import { timed } from '../src/guest/stopwatch.ts'
import { drivers } from '../src/platforms/index.ts'
import { left, traces } from '../test/e2e/conformance/traces.ts'

interface Boots {
  readonly boots: number
  /** Names of the config's platforms; all that work here when left out. */
  readonly names: readonly string[] | undefined
}

/** Boots guests of one platform, one after the other, and names everything that was not there before. */
async function leftBy(
  { driver, options, spec }: ResolvedPlatform,
  boots: number,
  session: Session,
  rootfs: string,
): Promise<string[]> {
  const before = traces(rootfs)
  const ids: string[] = []
  for (let boot = 0; boot < boots; boot++) {
    await using place = await session.place(rootfs, 60)
    ids.push(place.id)
    await timed(await driver.once(place, ['/bin/true'], options), { timeoutMs: 60_000, label: spec.name })
  }
  return left(before, rootfs, ids)
}

/** Says for each platform how many objects are left after so many boots: processes, mounts, cgroups, namespaces, links, files. */
export async function leftovers(root: string, { boots, names }: Boots, say: (text: string) => void): Promise<void> {
  const project = await loadProject(root)
  await using session = await Session.open(project.guest, {
    purpose: 'bench:self',
    wait: true,
    signal: new AbortController().signal,
  })
  const image = await ensureImage(project.image, { ledger: session.ledger })
  const chosen = project.platforms.filter(({ name }) => names?.includes(name) ?? true)
  const platforms = resolvePlatforms(chosen, drivers, project.configFile)
  const probes = await probePlatforms(platforms, session, image)
  for (const [at, platform] of platforms.entries()) {
    const { name } = platform.spec
    if (!probes[at]!.available) {
      say(`leftovers: ${name}: left out, as it does not work here`)
      continue
    }
    const found = await leftBy(platform, boots, session, image.rootfs)
    say(
      `leftovers: ${name}: ${boots} boots left ${found.length} objects (wanted: 0)${found.map((one) => `\n  ${one}`).join('')}`,
    )
  }
}
