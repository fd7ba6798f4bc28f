/** Start-up times of isobench against those of hyperfine for the same command, boot by boot. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { median } from '../../src/core/stats/index.ts'
import type { HostArgv } from '../../src/host/process.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { withBoots } from './boots.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

const quoted = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/**
 * Returns hyperfine's time of one run of a command, in milliseconds. The environment and the pipe are as for commands
 * of isobench, because every tool of util-linux first loads the locale, unless that is C.
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
 * A program that does nothing: its time is that of the clock and of one exec. hyperfine's time includes its fork.
 * isobench's time includes the wake-up of the process that waits to exec.
 */
const nothing: HostArgv = ['/bin/true']

interface Options {
  readonly boots: number
  /** Drivers, which get their default options. */
  readonly names: readonly string[]
}

/**
 * Prints two ratios of medians for each platform. The first is that of the two times. For the second, each time is
 * reduced by that of a program that does nothing, which ran just before in the same sandbox. It is about the platform
 * alone.
 */
async function compare({ boots, names }: Options, print: (line: string) => void): Promise<void> {
  await withBoots('fidelity', names, async (name, boot) => {
    const times = { isobench: { boots: [], nothings: [] }, hyperfine: { boots: [], nothings: [] } } as Record<
      'isobench' | 'hyperfine',
      { readonly boots: number[]; readonly nothings: number[] }
    >
    for (let round = 0; round < boots; round++) {
      // They alternate.
      for (const by of round % 2 === 0 ? (['isobench', 'hyperfine'] as const) : (['hyperfine', 'isobench'] as const))
        await boot(async (argv, folder) => {
          const clock =
            by === 'isobench' ? isobench : async (argv: HostArgv) => hyperfine(argv, join(folder, 'hyperfine'))
          times[by].nothings.push(await clock(nothing))
          times[by].boots.push(await clock(argv))
        })
    }
    const of = ({ boots, nothings }: (typeof times)['isobench']) => [median(boots), median(nothings)] as const
    const [[a, nothingA], [b, nothingB]] = [of(times.isobench), of(times.hyperfine)]
    print(
      `fidelity: ${name}: isobench ${a.toFixed(2)} ms, hyperfine ${b.toFixed(2)} ms, ${boots} boots each: ` +
        `ratio ${(a / b).toFixed(3)}; ` +
        `without the time of /bin/true (${nothingA.toFixed(2)} and ${nothingB.toFixed(2)} ms): ` +
        `${((a - nothingA) / (b - nothingB)).toFixed(3)} (goal: 1.00 ± 0.03)`,
    )
  })
}

export const fidelity: Measurement = {
  description: "start-up times against hyperfine's, which must be installed",
  options: { boots: 'boots per clock and platform; 80', platform: 'drivers; runc,crun,lxc,docker,gvisor' },
  run: ({ options, print }) =>
    compare(
      {
        boots: countOption(options.boots, 80),
        names: listOption(options.platform) ?? ['runc', 'crun', 'lxc', 'docker', 'gvisor'],
      },
      print,
    ),
}
