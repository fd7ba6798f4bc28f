/** The cleanup journal: a write-ahead log of the host resources of one isobench process. */

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { journalsFolder } from './paths.ts'
import { isAlive, type ProcessId, processId } from './process.ts'

/** A host resource that isobench creates and must remove. */
export type Entry =
  /** A directory, with everything that is mounted below it. */
  | { readonly kind: 'directory'; readonly path: string }
  /** A cgroup in every hierarchy, with all of its processes. */
  | { readonly kind: 'cgroup'; readonly name: string }
  | { readonly kind: 'netns'; readonly name: string }
  /** A tracefs instance, with its tracer and events. */
  | { readonly kind: 'tracer'; readonly name: string }
  /** A network device in one of isobench's namespaces. */
  | { readonly kind: 'link'; readonly netns: string; readonly name: string }
  /** A process that isobench started, with its process group. */
  | { readonly kind: 'process'; readonly id: ProcessId }
  /**
   * Anything else, such as a container of a daemon: the command that removes it. `group`: the cgroup to thaw before.
   */
  | {
      readonly kind: 'command'
      readonly description: string
      readonly argv: readonly string[]
      readonly group?: string
    }

type Line = { readonly made: number; readonly entry: Entry } | { readonly undone: number }

/** Removes the resource of an entry. Must succeed if the resource was never created or is already gone. */
export type Cleanup = (entry: Entry) => Promise<void>

/** Writes down every resource before it is created, so that another process can remove it after a `kill -9`. */
export class CleanupJournal {
  #next = 0
  readonly #open = new Map<number, Entry>()

  private constructor(
    readonly file: string,
    private readonly undo: Cleanup,
  ) {}

  /** Starts a journal that is owned by this process. */
  static start(name: string, undo: Cleanup): CleanupJournal {
    mkdirSync(journalsFolder(), { recursive: true })
    const file = join(journalsFolder(), `${name}.jsonl`)
    writeFileSync(file, `${JSON.stringify({ owner: processId(process.pid) })}\n`, { flag: 'wx' })
    return new CleanupJournal(file, undo)
  }

  /** Writes `entry` to the journal, then calls `create`. Dispose of the returned object to remove the resource. */
  async create(entry: Entry, create: () => Promise<unknown> | unknown): Promise<AsyncDisposable> {
    const id = this.#next++
    this.#write({ made: id, entry })
    this.#open.set(id, entry)
    const undo = async () => {
      if (!this.#open.has(id)) return
      await this.undo(entry)
      this.#open.delete(id)
      this.#write({ undone: id })
    }
    try {
      await create()
    } catch (error) {
      // If the removal fails, the entry stays in the journal. The error of `create` is the one to report.
      await undo().catch(() => {})
      throw error
    }
    return { [Symbol.asyncDispose]: undo }
  }

  #write(line: Line): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
  }

  /**
   * Removes the remaining resources, latest first. If that fails, their entries stay for `isobench clean` and it
   * throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (const [id, entry] of [...this.#open].reverse()) {
      try {
        await this.undo(entry)
        this.#open.delete(id)
        this.#write({ undone: id })
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    rmSync(this.file, { force: true })
  }
}

/** A journal as read from its file. */
export interface StaleJournal {
  readonly file: string
  readonly ownerAlive: boolean
  /** Resources that were not removed, latest first. */
  readonly entries: readonly Entry[]
}

/** Reads every journal of this host. Skips a line that a kill cut short, because its resource was not created yet. */
export function readJournals(): StaleJournal[] {
  if (!existsSync(journalsFolder())) return []
  const files = readdirSync(journalsFolder()).filter((name) => name.endsWith('.jsonl'))
  return files.map((name) => {
    const file = join(journalsFolder(), name)
    const open = new Map<number, Entry>()
    let owner: ProcessId | undefined
    for (const text of readFileSync(file, 'utf8').split('\n')) {
      try {
        const line = JSON.parse(text) as Line | { owner: ProcessId }
        if ('owner' in line) owner = line.owner
        else if ('undone' in line) open.delete(line.undone)
        else open.set(line.made, line.entry)
      } catch {
        // A line that was cut short, or the empty last line.
      }
    }
    return { file, ownerAlive: owner !== undefined && isAlive(owner), entries: [...open.values()].reverse() }
  })
}

/** Deletes a journal after all of its resources were removed. */
export function removeJournal(journal: StaleJournal): void {
  rmSync(journal.file, { force: true })
}
