import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { journalsFolder } from './lock.ts'
import { isAlive, type ProcessId, processId } from './process.ts'

/** Something that isobench makes on the machine and must undo. */
export type Entry =
  /** A directory of ours: everything mounted below it, then the directory. */
  | { readonly kind: 'directory'; readonly path: string }
  /** A cgroup of ours in every hierarchy, with all that runs in it. */
  | { readonly kind: 'cgroup'; readonly name: string }
  | { readonly kind: 'netns'; readonly name: string }
  /** An instance of tracefs, with the tracer and the events that are set in it. */
  | { readonly kind: 'tracer'; readonly name: string }
  /** A network device of ours in a namespace of ours. */
  | { readonly kind: 'link'; readonly netns: string; readonly name: string }
  /** A process that we started, with its group. */
  | { readonly kind: 'process'; readonly id: ProcessId }
  /** What a platform made where none of these reaches, such as a container of a daemon: the command that removes it. */
  | { readonly kind: 'command'; readonly what: string; readonly argv: readonly string[]; readonly group?: string }

type Line = { readonly made: number; readonly entry: Entry } | { readonly undone: number }

/** Undoes one entry; must succeed when the thing was never made, or is gone. */
export type Cleanup = (entry: Entry) => Promise<void>

/** What a run has made, written down before it is made, so that another process can undo it after a kill -9. */
export class CleanupJournal {
  #next = 0
  readonly #open = new Map<number, Entry>()

  private constructor(
    readonly file: string,
    private readonly undo: Cleanup,
  ) {}

  /** Starts a journal that this process owns. */
  static start(name: string, undo: Cleanup): CleanupJournal {
    mkdirSync(journalsFolder(), { recursive: true })
    const file = join(journalsFolder(), `${name}.jsonl`)
    writeFileSync(file, `${JSON.stringify({ owner: processId(process.pid) })}\n`, { flag: 'wx' })
    return new CleanupJournal(file, undo)
  }

  /** Writes `entry` down, and only then makes it. Dispose of what it returns to undo it. */
  async create(entry: Entry, create: () => Promise<unknown> | unknown): Promise<AsyncDisposable> {
    const made = this.#next++
    this.#write({ made, entry })
    this.#open.set(made, entry)
    const undo = async () => {
      if (!this.#open.has(made)) return
      await this.undo(entry)
      this.#open.delete(made)
      this.#write({ undone: made })
    }
    try {
      await create()
    } catch (error) {
      // What cannot be undone now stays in the journal; the failure to make it is what to tell.
      await undo().catch(() => {})
      throw error
    }
    return { [Symbol.asyncDispose]: undo }
  }

  #write(line: Line): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
  }

  /** Undoes what is left, latest first. What cannot be undone stays in the journal, for `isobench clean`, and is thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (const [made, entry] of [...this.#open].reverse()) {
      try {
        await this.undo(entry)
        this.#open.delete(made)
        this.#write({ undone: made })
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    rmSync(this.file, { force: true })
  }
}

export interface StaleJournal {
  readonly file: string
  readonly ownerAlive: boolean
  /** What it made and did not undo, latest first. */
  readonly entries: readonly Entry[]
}

/** Every journal on this machine. A line that a kill cut short is left out: what it names was not made yet. */
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
        // Cut short, or the empty last line.
      }
    }
    return { file, ownerAlive: owner !== undefined && isAlive(owner), entries: [...open.values()].reverse() }
  })
}

/** Removes a journal whose entries have all been undone. */
export function removeJournal(journal: StaleJournal): void {
  rmSync(journal.file, { force: true })
}
