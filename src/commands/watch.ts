import { Watch } from '../core/watch/watch.ts'
import { UsageError } from '../errors.ts'
import { findImage } from '../guest/image/image.ts'
import { drivers } from '../platforms/index.ts'
import { count, countsLine } from '../reporters/facts.ts'
import type { CommandHandler } from './command.ts'
import { ensureDependencies } from './equip.ts'
import { checkOptions } from './options.ts'
import { resolveProfile } from './plan.ts'
import { handleKey } from './watch/keys.ts'
import { Screen } from './watch/screen.ts'

export const run: CommandHandler = async (filters, given, io) => {
  const options = checkOptions(given)
  const input = process.stdin
  if (!io.out.isTTY || !input.isTTY)
    throw new UsageError('watch needs a terminal, for its keys and its screen', 'use isobench run where there is none')
  const screen = new Screen(io, io.cwd)
  const watch = new Watch({
    cwd: io.cwd,
    config: options.config,
    drivers,
    filters,
    platform: options.platform,
    name: options.name ?? [],
    tag: options.tag ?? [],
    wait: options.waitForLock,
    profileName: options.profile,
    profileOf: (project) => resolveProfile(project, options),
    equip: async ({ project, platforms }, signal) => {
      // It may ask, and apt may take its time: on the usual screen.
      leave()
      try {
        const tell = (what: string) => void io.err.write(`${what}\n`)
        await ensureDependencies(
          { install: options.install, needsImage: !findImage(project.image), platforms, tell, signal },
          io,
        )
      } finally {
        enter()
      }
    },
    shown: () => screen.soon(),
  })
  screen.watch = watch
  let asked = 0
  const quit = () => {
    // Whoever insists is let go; what is left is in the ledger.
    if (++asked > 1) process.exit(130)
    watch.quit()
  }
  const heard = (data: Buffer) => {
    const text = data.toString()
    for (const key of text.startsWith('\x1b') ? [text] : text) handleKey(key, screen, quit)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const end = () => watch.quit()
  for (const name of signals) process.on(name, end)
  const enter = () => {
    input.setRawMode(true)
    input.on('data', heard)
    input.resume()
    screen.open()
    screen.soon()
  }
  const leave = () => {
    screen.close()
    input.off('data', heard)
    input.setRawMode(false)
    input.pause()
  }
  enter()
  try {
    await watch.run()
  } finally {
    leave()
    for (const name of signals) process.off(name, end)
  }
  if (watch.report) io.out.write(`${countsLine(count(watch.report.claims))}\n`)
  return 0
}
