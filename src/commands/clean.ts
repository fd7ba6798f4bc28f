import { setTimeout as sleep } from 'node:timers/promises'
import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { commandSeconds, removeResource } from '../host/cleanup.ts'
import { type Entry, type FoundJournal, openJournals, removeJournal } from '../host/journal.ts'
import { removePartialDownloads } from '../host/releases/install.ts'
import { InterruptedError, messageOf } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'

function describe(entry: Entry): string {
  switch (entry.kind) {
    case 'directory':
      return `the directory ${entry.path}`
    case 'empty-folder':
      return `the empty folder ${entry.path}`
    case 'cgroup':
      return `the cgroup ${entry.name} and its processes`
    case 'netns':
      return `the network namespace ${entry.name}`
    case 'tracer':
      return `the tracer ${entry.name}`
    case 'link':
      return `the network device ${entry.name} in ${entry.netns}`
    case 'process':
      return `the process ${entry.id.pid}`
    case 'command':
      return entry.description
  }
}

export const command = defineCommand({
  description:
    'Removes what killed runs left on the host: directories, cgroups, network namespaces, tracers, processes and ' +
    'unfinished downloads. ' +
    'It does not touch what a running isobench uses. It exits with code 5 if something cannot be removed.',
  options: {},
  examples: [{ line: 'clean', description: 'remove all leftovers' }],
  run: (_args, _options, io) => clean(io),
})

/** How many things were removed, and how many could not be. */
interface Counts {
  removed: number
  failed: number
}

/** Milliseconds after which a removal is announced. */
const longMs = 2000

/** Removes an entry. Says so before its end if it takes long. */
async function remove(entry: Entry, io: CommandIo, signal: AbortSignal): Promise<boolean | undefined> {
  const limit = entry.kind === 'command' ? `, for at most ${commandSeconds} s` : ''
  const announce = () => void io.err.write(`removing ${sanitize(describe(entry))}${limit}\n`)
  const timer = setTimeout(announce, longMs)
  try {
    return await removeResource(entry, signal)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Removes what one journal lists.
 * @throws {InterruptedError} if the signal is aborted; the journal stays
 */
async function cleanJournal(journal: FoundJournal, io: CommandIo, counts: Counts, signal: AbortSignal): Promise<void> {
  if (journal.ownerAlive) {
    io.out.write(`skipped ${journal.file}: another isobench uses it\n`)
    return
  }
  if (journal.refused !== undefined) {
    counts.failed++
    io.err.write(
      `refused ${sanitize(journal.file)}: ${journal.refused}. ` +
        'isobench would run its commands. Look at it, then remove it.\n',
    )
    return
  }
  const left: Entry['kind'][] = []
  for (const entry of journal.entries) {
    signal.throwIfAborted()
    try {
      const isRemoved = await remove(entry, io, signal)
      if (isRemoved === false) continue
      io.out.write(`${isRemoved ? 'removed' : 'ran the command that removes'} ${sanitize(describe(entry))}\n`)
      counts.removed++
    } catch (error) {
      signal.throwIfAborted()
      left.push(entry.kind)
      const command = entry.kind === 'command' ? `. The command in ${journal.file}: ${entry.argv.join(' ')}` : ''
      io.err.write(`could not remove ${sanitize(describe(entry))}: ${messageOf(error)}${sanitize(command)}\n`)
    }
  }
  for (const text of journal.damaged) io.err.write(`cannot read an entry of ${journal.file}: ${sanitize(text)}\n`)
  const failed = left.length + journal.damaged.length
  counts.failed += failed
  if (failed === 0) removeJournal(journal)
  // Everything else that the journal lists is removed, and a command that always fails would keep it for ever.
  else if (left.every((kind) => kind === 'command'))
    io.err.write(`Remove ${failed === 1 ? 'it' : 'them'} by hand, and then the journal: rm ${journal.file}\n`)
}

/** How often `clean` looks whether another process has removed what it removes, and the milliseconds between. */
const waiting = { most: 100, ms: 100 }

async function clean(io: CommandIo): Promise<number> {
  using interruption = interruptSignal((what) => io.err.write(`${what}: the rest stays for the next isobench clean\n`))
  try {
    return await cleanAll(io, interruption.signal)
  } catch (error) {
    // The message of other commands says that the host is released.
    if (error instanceof InterruptedError) return exitCodes.interrupted
    throw error
  }
}

async function cleanAll(io: CommandIo, signal: AbortSignal): Promise<number> {
  const counts = { removed: 0, failed: 0 }
  const done = new Set<string>()
  for (let left = waiting.most, isOver = false; !isOver; left--) {
    isOver = true
    for (const journal of openJournals()) {
      if (done.has(journal.file)) continue
      // A killed run starts one that cleans up.
      if (journal.isBeingCleaned && left > 0) {
        isOver = false
        continue
      }
      done.add(journal.file)
      await cleanJournal(journal, io, counts, signal)
    }
    if (!isOver) await sleep(waiting.ms)
    signal.throwIfAborted()
  }
  for (const file of await removePartialDownloads()) {
    io.out.write(`removed the unfinished download ${sanitize(file)}\n`)
    counts.removed++
  }
  if (counts.removed + counts.failed === 0) io.out.write('Nothing to remove.\n')
  return counts.failed === 0 ? exitCodes.clean : exitCodes.invalid
}
