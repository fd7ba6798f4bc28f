/** Start-up time as isobench takes it against hyperfine's for the same command, boot by boot. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Session } from '../../src/core/session/session.ts'
import { median } from '../../src/core/stats/index.ts'
import type { Driver } from '../../src/driver.ts'
import { ensureImage } from '../../src/host/image.ts'
import type { HostArgv } from '../../src/host/process.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'

const quoted = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/**
 * The time of one run of a command, in milliseconds, as hyperfine takes it, in the environment and with the pipe that isobench gives
 * its commands: under a locale other than C, every tool of util-linux on the way to a guest loads that locale first.
 */
function hyperfine(argv: HostArgv, file: string): number {
  const options = ['--shell=none', '--runs=1', '--output=pipe', '--export-json', file, quoted(argv)]
  const env = { PATH: process.env.PATH, LC_ALL: 'C', HOME: '/root' }
  execFileSync('hyperfine', options, { stdio: 'ignore', env })
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: [{ times: [number] }] }
  return results[0].times[0] * 1000
}

const isobench = async (argv: HostArgv): Promise<number> =>
  (await runTimed(argv, { timeoutMs: 60_000, label: argv[0] })).milliseconds

/**
 * What a clock says of a program that does nothing: what it takes itself, and one exec. hyperfine's has its fork in it, and
 * isobench's the wake-up of the process that waits to exec.
 */
const nothing: HostArgv = ['/bin/true']

export interface Fidelity {
  readonly boots: number
  /** Drivers, with their default options; those of the issue when left out. */
  readonly names: readonly string[] | undefined
}

/**
 * Says for each platform the ratio of the medians: of what the two clocks say, and of that less what each says of a program
 * that does nothing, started just before in the same place. The second is of the platform's time alone.
 */
export async function fidelity({ boots, names }: Fidelity, say: (text: string) => void): Promise<void> {
  await using session = await Session.open(
    { cpus: 1, memoryBytes: 1024 ** 3 },
    { purpose: 'bench:self', wait: true, signal: new AbortController().signal },
  )
  const { rootfs } = await ensureImage({}, { journal: session.journal })
  for (const name of names ?? ['runc', 'crun', 'lxc', 'docker', 'gvisor']) {
    const driver = drivers[name] as Driver
    const options = driver.options.parse({})
    const taken = { isobench: { boots: [], floors: [] }, hyperfine: { boots: [], floors: [] } } as Record<
      'isobench' | 'hyperfine',
      { readonly boots: number[]; readonly floors: number[] }
    >
    for (let boot = 0; boot < boots; boot++) {
      // In turns, each in a new place that has run one process, as every boot of a bench is.
      for (const by of boot % 2 === 0 ? (['isobench', 'hyperfine'] as const) : (['hyperfine', 'isobench'] as const)) {
        await using place = await session.createSandbox(rootfs, 60)
        const argv = await driver.oneShot(place, ['/bin/busybox', 'true'], options)
        await place.run(place.wrap(['true']))
        const clock =
          by === 'isobench' ? isobench : async (argv: HostArgv) => hyperfine(argv, join(place.stateDir, 'hyperfine'))
        taken[by].floors.push(await clock(nothing))
        taken[by].boots.push(await clock(argv))
      }
    }
    const of = ({ boots, floors }: (typeof taken)['isobench']) => [median(boots), median(floors)] as const
    const [[a, floorA], [b, floorB]] = [of(taken.isobench), of(taken.hyperfine)]
    say(
      `fidelity: ${name}: isobench ${a.toFixed(2)} ms, hyperfine ${b.toFixed(2)} ms, ${boots} boots each: ratio ${(a / b).toFixed(3)}; ` +
        `without what each takes for /bin/true (${floorA.toFixed(2)} and ${floorB.toFixed(2)} ms): ${((a - floorA) / (b - floorB)).toFixed(3)} (wanted: 1.00 ± 0.03)`,
    )
  }
}
