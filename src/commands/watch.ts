import { exitCodes } from '../core/judge/exit-code.ts'
import { resolveProfile } from '../core/project/plan.ts'
import { ensureDependencies } from '../core/session/artifacts.ts'
import { Watch } from '../core/watch/watch.ts'
import { findImage } from '../host/image.ts'
import { drivers } from '../platforms/index.ts'
import { count, countsLine } from '../reporters/summary.ts'
import { UsageError } from '../util/errors.ts'
import { endSignals } from '../util/signals.ts'
import { endProcess, handleStrayErrors } from '../util/stray-errors.ts'
import { benchFilters, type CommandIo, defineCommand } from './command.ts'
import { fixedRounds, type Options, pickOptions, sharedOptions } from './options.ts'
import { confirm, withConfigDefaults } from './setup.ts'
import { handleKey, readKeys } from './watch-keys.ts'
import { Screen, watchKeys } from './watch-screen.ts'

export const command = defineCommand({
  description:
    'Measures and judges again when a file changes, but only the benches and platforms that the change affects. ' +
    'Requires a terminal.',
  arguments: [benchFilters],
  options: {
    ...pickOptions('platform', 'allPlatforms', 'name', 'tag', 'profile'),
    rounds: {
      ...sharedOptions.rounds,
      value: '<n>',
      description: 'rounds per platform; a verdict needs at least 5',
      example: '--rounds 10',
      schema: fixedRounds.optional(),
    },
    ...pickOptions('seconds', 'timeout', 'remeasure', 'install', 'waitForLock', 'config'),
  },
  keys: watchKeys,
  examples: [{ line: 'watch startup --platform runc', description: 'the start-up benches on one platform' }],
  run: watchProject,
})

async function watchProject(filters: readonly string[], options: Options, io: CommandIo): Promise<number> {
  const input = process.stdin
  if (!io.out.isTTY || !input.isTTY)
    throw new UsageError(
      'isobench watch requires a terminal for its screen and keys.',
      'without a terminal, use: isobench run',
    )
  const screen = new Screen(io, io.cwd)
  const watch = new Watch({
    cwd: io.cwd,
    config: options.config,
    drivers,
    filters,
    platform: options.platform,
    allPlatforms: options.allPlatforms,
    name: options.name ?? [],
    tag: options.tag ?? [],
    waitForLock: options.waitForLock,
    remeasure: options.remeasure,
    profileName: options.profile,
    profileOf: (project) => resolveProfile(project, withConfigDefaults(options, project)),
    ensureDependencies: async ({ project, platforms }, signal) => {
      // Questions and the output of apt belong on the normal screen.
      leave()
      try {
        await ensureDependencies({
          install: options.install,
          needsImage: !findImage(project.image),
          platforms,
          confirm: (question) => confirm(question, io),
          onProgress: (what) => void io.err.write(`${what}\n`),
          signal,
          digests: project.releaseDigests,
        })
      } finally {
        enter()
      }
    },
    onChange: () => screen.soon(),
  })
  screen.watch = watch
  const printError = ({ message }: Error) => io.err.write(`${message}\n`)
  using _strayErrors = handleStrayErrors(printError)
  let asked = 0
  const quit = () => {
    // The second request ends the process at once. The cleanup process of the session removes what is left.
    if (++asked > 1) endProcess(() => 130)
    watch.quit()
  }
  let keys: Disposable | undefined
  let exitCode: number = exitCodes.clean
  const end = () => {
    exitCode = exitCodes.interrupted
    watch.quit()
  }
  for (const name of endSignals) process.on(name, end)
  const enter = () => {
    input.setRawMode(true)
    keys = readKeys(input, (key) => handleKey(key, screen, quit))
    input.resume()
    screen.open()
    screen.soon()
  }
  const leave = () => {
    screen.close()
    keys?.[Symbol.dispose]()
    input.setRawMode(false)
    input.pause()
  }
  enter()
  try {
    await watch.run()
  } finally {
    leave()
    for (const name of endSignals) process.off(name, end)
  }
  if (watch.report) io.out.write(`${countsLine(count(watch.report.claims))}\n`)
  return exitCode
}
