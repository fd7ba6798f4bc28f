/** What the size of the environment does to the time of a boot. */

import { median, quantile } from '../../src/core/stats/index.ts'
import { environmentPadding } from '../../src/host/environment.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { withBoots } from './boots.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

/** Bytes of a fixed padding. */
const lengths = [0, 512, 1024, 1536, 2048, 2560, 3072, 3584]

interface Options {
  readonly boots: number
  /** Drivers, which get their default options. */
  readonly names: readonly string[]
}

/**
 * Prints the median of boots with each padding, in rounds of one boot each, and the spread of those medians. The spread
 * of medians of the same padding, split into as many parts, shows how much of it is noise.
 */
async function compare({ boots, names }: Options, print: (line: string) => void): Promise<void> {
  await withBoots('padding', names, async (name, boot) => {
    const time = (env: Record<string, string>): Promise<number> =>
      boot(async (argv) => (await runTimed(argv, { timeoutMs: 60_000, label: name, env })).milliseconds)
    const fixed = lengths.map((): number[] => [])
    const random: number[] = []
    for (let round = 0; round < boots; round++) {
      // Each round starts with another length, so that none is always the first.
      for (const at of lengths.keys()) {
        const chosen = (at + round) % lengths.length
        fixed[chosen]!.push(await time({ ISOBENCH_PADDING: 'x'.repeat(lengths[chosen]!) }))
        random.push(await time(environmentPadding()))
      }
    }
    const parts = lengths.map((_, part) => random.filter((_, index) => index % lengths.length === part))
    const spread = (groups: readonly number[][]) => {
      const medians = groups.map(median)
      return (Math.max(...medians) / Math.min(...medians) - 1) * 100
    }
    const quartiles = (times: readonly number[]) => {
      const sorted = [...times].sort((a, b) => a - b)
      return ((quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median(times)) * 100
    }
    print(
      `padding: ${name}: medians in ms of ${boots} boots with ${lengths.join(', ')} bytes: ` +
        `${fixed.map((times) => median(times).toFixed(2)).join(', ')}; random ${median(random).toFixed(2)}`,
    )
    print(
      `padding: ${name}: medians differ by ${spread(fixed).toFixed(1)} % between lengths, and by ` +
        `${spread(parts).toFixed(1)} % between as many parts with random lengths; interquartile range ` +
        `${quartiles(fixed.flat()).toFixed(1)} % fixed, ${quartiles(random).toFixed(1)} % random`,
    )
  })
}

export const padding: Measurement = {
  description: 'effect of the size of the environment on boots',
  options: { boots: 'boots per length and platform; 40', platform: 'drivers; native,runc,crun,bubblewrap' },
  run: ({ options, print }) =>
    compare(
      {
        boots: countOption(options.boots, 40),
        names: listOption(options.platform) ?? ['native', 'runc', 'crun', 'bubblewrap'],
      },
      print,
    ),
}
