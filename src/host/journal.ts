/** The cleanup journal: a write-ahead log of the host resources of one isobench process. */

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { HostError, IsobenchError, messageOf } from '../util/errors.ts'
import { explainWrites, LineWriter, temporaryName } from '../util/files.ts'
import { settleWithin } from '../util/race-abort.ts'
import { tryLockFile } from './file-lock.ts'
import { assertWritable, privateFolder, refuseFile } from './guest-folder.ts'
import { type Entry, entrySchema, processIdSchema } from './journal-entry.ts'
import { journalsFolder, stateFolder } from './paths.ts'
import { isAlive, type ProcessId, processId } from './process.ts'
import { existsForRoot, explainRootAccess } from './root-access.ts'

export type { Entry } from './journal-entry.ts'

type Line =
  | { readonly owner: ProcessId }
  | { readonly made: number; readonly entry: Entry }
  | { readonly undone: number }

/** The command of an `onCleanup()` failed, so what it removes may still be there. Its stack is that of the call. */
export class CleanupError extends IsobenchError {
  readonly code = 'ISOBENCH_CLEANUP'

  constructor(description: string, failure: unknown, stack: string | undefined) {
    super(
      `the command of onCleanup() that removes ${description} failed: ${messageOf(failure)}. ` +
        'isobench clean runs it again',
      'correct the command, which must succeed if there is nothing to remove: see docs/how-to/add-a-platform.md',
      { cause: failure },
    )
    if (stack !== undefined) this.stack = stack
  }
}

/** Removes the resource of an entry. Must succeed if the resource was never created or is already gone. */
export type Cleanup = (entry: Entry) => Promise<unknown>

interface OpenEntry {
  readonly entry: Entry
  /** Where a command was registered. */
  readonly origin?: string | undefined
  /** Whether its command has failed. Only `isobench clean` runs it again, because another failure takes as long. */
  isLeft?: boolean
}

/** Milliseconds that resources get to be created before they are removed. */
const creationMs = 10_000

/** Writes down every resource before it is created, so that another process can remove it after a `kill -9`. */
export class CleanupJournal {
  #next = 0
  readonly #open = new Map<number, OpenEntry>()
  /** Resources that are being created. */
  readonly #creating = new Set<Promise<void>>()
  #isEnding = false
  readonly #lines: LineWriter

  private constructor(
    readonly file: string,
    private readonly descriptor: number,
    private readonly undo: Cleanup,
    private readonly onLeft: ((error: CleanupError) => void) | undefined,
  ) {
    this.#lines = new LineWriter(file, descriptor)
  }

  /**
   * Starts a journal that is owned by this process: the one that has it locked. It gets its name after it is locked and
   * has its first line, so every journal that another process finds has an owner, or had one that was killed.
   * @param onLeft receives the failure of an entry's command, which stays in the journal. Default: it is thrown
   */
  static start(name: string, undo: Cleanup, onLeft?: (error: CleanupError) => void): CleanupJournal {
    const file = join(journalsFolder(), `${name}.jsonl`)
    assertWritable(stateFolder(), 'ISOBENCH_STATE')
    refuseOpenFolder(stateFolder())
    privateFolder(journalsFolder())
    for (let tries = 0; ; tries++) {
      if (existsSync(file)) throw new HostError(`the cleanup journal ${file} exists already.`)
      const journal = CleanupJournal.#tryStart(file, undo, onLeft)
      if (journal) return journal
      if (tries >= 10) throw new HostError(`other processes remove the files of ${journalsFolder()}.`)
    }
  }

  /** Returns undefined if `isobench clean` took the new file before this process locked it. */
  static #tryStart(
    file: string,
    undo: Cleanup,
    onLeft: ((error: CleanupError) => void) | undefined,
  ): CleanupJournal | undefined {
    const temporary = temporaryName(file)
    const descriptor = explainWrites(temporary, () => openSync(temporary, 'ax', 0o600))
    const journal = new CleanupJournal(file, descriptor, undo, onLeft)
    let isStarted = false
    try {
      if (!tryLockFile(descriptor)) return undefined
      journal.#append({ owner: processId(process.pid)! })
      renameSync(temporary, file)
      isStarted = true
      return journal
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    } finally {
      if (!isStarted) {
        rmSync(temporary, { force: true })
        closeSync(descriptor)
      }
    }
  }

  /**
   * Writes `entry` to the journal, then calls `create`. Dispose of the returned object to remove the resource.
   * @throws {HostError} if the journal is disposed of: nobody would remove the resource
   */
  async create(entry: Entry, create: () => Promise<unknown> | unknown): Promise<AsyncDisposable> {
    if (this.#isEnding) throw new HostError(`isobench ends, and creates nothing more: ${entry.kind}`)
    const id = this.#next++
    this.#append({ made: id, entry })
    this.#open.set(id, { entry, ...(entry.kind === 'command' && { origin: new Error().stack }) })
    const undo = () => this.#remove(id)
    const created = (async () => void (await create()))()
    this.#creating.add(created)
    try {
      await created
    } catch (error) {
      // If the removal fails, the entry stays in the journal. The error of `create` is the one to report.
      await undo().catch(() => {})
      throw error
    } finally {
      this.#creating.delete(created)
    }
    return { [Symbol.asyncDispose]: undo }
  }

  async #remove(id: number): Promise<void> {
    const open = this.#open.get(id)
    if (!open || open.isLeft) return
    const { entry, origin } = open
    try {
      await this.undo(entry)
    } catch (error) {
      if (entry.kind !== 'command' || !this.onLeft) throw error
      open.isLeft = true
      this.onLeft(new CleanupError(entry.description, error, origin))
      return
    }
    // Another call may have removed it at the same time.
    if (!this.#open.delete(id)) return
    try {
      this.#append({ undone: id })
    } catch {
      // A full disk. The line only saves `isobench clean` from removing the resource a second time.
    }
  }

  #append(line: Line): void {
    this.#lines.append(JSON.stringify(line))
  }

  /**
   * Waits for the resources that are being created, and removes the remaining ones, latest first. If that fails, their
   * entries stay for `isobench clean` and it throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await settleWithin(this.#creating, creationMs)
    const failures: unknown[] = []
    if (this.#creating.size > 0) failures.push(new HostError('the creation of a resource did not end.'))
    for (const id of [...this.#open.keys()].reverse()) {
      try {
        await this.#remove(id)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    if (this.#open.size === 0) rmSync(this.file, { force: true })
    this.#close()
  }

  #isClosed = false

  #close(): void {
    if (!this.#isClosed) closeSync(this.descriptor)
    this.#isClosed = true
  }
}

/** A journal that another process left, or has. Dispose of it to unlock it. */
export interface FoundJournal extends Disposable {
  readonly file: string
  /** Whether a process has it locked. Otherwise this process has it now, and no other one removes its resources. */
  readonly ownerAlive: boolean
  /** Whether another process removes its resources now. `ownerAlive` is true then, too. */
  readonly isBeingCleaned: boolean
  /** Resources that were not removed, latest first. */
  readonly entries: readonly Entry[]
  /** The texts of entries that isobench cannot read. */
  readonly damaged: readonly string[]
  /** Why its entries must not be used; it then has none. */
  readonly refused?: string
}

/** Lists every journal of this host. Skips those that are removed before they are opened. */
export function* openJournals(): Generator<FoundJournal, void, void> {
  const folder = journalsFolder()
  explainRootAccess(folder, () => refuseFile(stateFolder(), 'ISOBENCH_STATE'))
  if (!existsForRoot(folder)) return
  for (const name of explainRootAccess(folder, () => readdirSync(folder))) {
    // A temporary file without an owner is that of a process that was killed while it started its journal.
    if (!/\.jsonl(\.\w+\.tmp)?$/.test(name)) continue
    const found = explainRootAccess(folder, () => openJournal(join(folder, name)))
    if (!found) continue
    using journal = found
    yield journal
  }
}

/**
 * @throws {HostError} if every user can replace what is in the folder, and so what isobench does as root. In a sticky
 * folder such as /tmp, users can replace only what they own.
 */
function refuseOpenFolder(folder: string): void {
  const { mode } = statSync(folder)
  if ((mode & 0o002) === 0 || (mode & 0o1000) !== 0) return
  throw new HostError(`every user of this host can change ${folder}, which isobench trusts`, `chmod o-w ${folder}`)
}

/** A journal that nobody has, and of which nothing is read. */
const left = { ownerAlive: false, isBeingCleaned: false, entries: [], damaged: [] } as const

function openJournal(file: string): FoundJournal | undefined {
  const refuse = (refused: string) => ({ file, ...left, refused, [Symbol.dispose]() {} })
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (!found) return undefined
  if (found.isSymbolicLink()) return refuse('it is a link')
  // Reading a FIFO may never end.
  if (!found.isFile()) return refuse('it is not a regular file')
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const close = { [Symbol.dispose]: () => closeSync(descriptor) }
  const refused = whyRefused(descriptor)
  if (refused !== undefined) return { file, ...left, refused, ...close }
  const isLocked = !tryLockFile(descriptor)
  const { owner, ...listed } = parseJournal(readFileSync(descriptor, 'utf8'))
  // Hosts that share a network file system may not share its locks.
  const isOwned = owner !== undefined && isAlive(owner)
  return { file, ownerAlive: isLocked || isOwned, isBeingCleaned: isLocked && !isOwned, ...listed, ...close }
}

/** Cleaning executes commands of the journal as root, so no other user may have written it. */
function whyRefused(descriptor: number): string | undefined {
  const { uid, mode } = fstatSync(descriptor)
  if (uid !== process.getuid?.()) return `it belongs to user ${uid}`
  if ((mode & 0o022) !== 0) return 'other users can write to it'
  return undefined
}

interface Listed extends Pick<FoundJournal, 'entries' | 'damaged'> {
  readonly owner: ProcessId | undefined
}

/** Skips a line that a kill cut short, because its resource was not created yet. */
function parseJournal(text: string): Listed {
  const open = new Map<number, Entry>()
  const damaged = new Map<number, string>()
  let owner: ProcessId | undefined
  for (const one of text.split('\n')) {
    try {
      const line = JSON.parse(one) as Line
      if ('owner' in line) owner = processIdSchema.safeParse(line.owner).data
      else if ('undone' in line) {
        open.delete(line.undone)
        damaged.delete(line.undone)
      } else if ('made' in line) {
        const entry = entrySchema.safeParse(line.entry)
        if (entry.success) open.set(line.made, entry.data)
        else damaged.set(line.made, one)
      }
    } catch {
      // A line that was cut short, or the empty last line.
    }
  }
  return { owner, entries: [...open.values()].reverse(), damaged: [...damaged.values()] }
}

/** Deletes a journal after all of its resources were removed. */
export function removeJournal({ file }: Pick<FoundJournal, 'file'>): void {
  rmSync(file, { force: true })
}
