import type { ProcessRole } from '../../dsl/process-roles.ts'
import { type ConfinedProcess, readConfinement, type ThreadConfinement } from '../../host/confinement.ts'
import { guestsFolder } from '../../host/paths.ts'
import { allowedCalls, auditArchitectures, otherInterfaces } from '../../host/seccomp-filter.ts'
import { seccompFiltersOf, type ThreadFilters } from '../../host/seccomp-reader.ts'
import { syscallTable } from '../../host/syscall-names.ts'
import { messageOf } from '../../util/errors.ts'
import { type Confinement, combineConfinement } from '../model/confinement.ts'

/** What belongs to the guest, or differs between samples. */
export interface GuestPlaces {
  /** Name of the sandbox, which is in the names of its cgroups. */
  readonly id: string
  /** The root file system of the image. */
  readonly rootfs: string
  /** The state directory of the sandbox. */
  readonly stateDir: string
  /** The folder behind `/data`. */
  readonly dataDir: string
}

/** Folders of all sandboxes, and names that engines make up for each guest. */
const guests = guestsFolder()
const madeUp = /\b(?:[\da-f]{64}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\b/g

/** A path of the host without what differs between samples. */
function generalPath(path: string, { id, stateDir }: GuestPlaces): string {
  const own = isBelow(path, stateDir) ? `<sandbox>${path.slice(stateDir.length)}` : path
  const other = isBelow(own, guests) ? own.slice(guests.length + 1).replace(/^[^/]*/, '<run>') : own
  return other.replaceAll(id, '<sandbox>').replace(madeUp, '<id>')
}

/** What the filters of a thread allow. */
type Allowed = Pick<Confinement, 'calls' | 'callsProblem'>

interface FilteredThread {
  readonly filters: number | undefined
  readonly allowed: Allowed
}

/**
 * Reads what confines the host processes of a guest. First `readFilters`, while nothing is measured, because it stops
 * threads. Then `read`, while the workload runs.
 */
export class ConfinementReader {
  #filters = new Map<number, FilteredThread>()
  #processes: readonly ConfinedProcess[] = []

  constructor(
    /** Returns the host processes of the guest that run now. */
    private readonly pids: () => readonly number[],
    private readonly places: GuestPlaces,
  ) {}

  /** Reads the filters of every thread that has one. Children inherit them. */
  async readFilters(): Promise<void> {
    const threads = readConfinement(this.pids()).flatMap((process) => process.threads)
    const filtered = threads.filter(({ confinement }) => confinement.seccomp === 'filter')
    const filters = await seccompFiltersOf(filtered.map(({ tid }) => tid))
    const known = new Map<string, Allowed>()
    this.#filters = new Map(
      filtered.flatMap(({ tid, confinement }) => {
        const own = filters.get(tid)
        if (!own) return []
        // Most threads share their filters, and applying them takes some milliseconds.
        const key = 'problem' in own ? own.problem : own.programs.map((program) => program.toString('base64')).join()
        const allowed = known.get(key) ?? applied(own)
        known.set(key, allowed)
        return [[tid, { filters: confinement.seccompFilters, allowed }] as const]
      }),
    )
  }

  /** Reads what confines the processes now. Reads only `/proc`. */
  read(): void {
    this.#processes = readConfinement(this.pids())
  }

  /** Whether processes were read. */
  get isDone(): boolean {
    return this.#processes.length > 0
  }

  /** Returns what was read, an entry for each kind of confinement of each role. */
  entries(roleOf: (pid: number) => ProcessRole): Confinement[] {
    const byPid = new Map(this.#processes.map((process) => [process.pid, process]))
    const kinds = this.#processes.flatMap((process) => {
      const threads = process.threads.map(({ tid, confinement }) =>
        this.#entry(roleOf(process.pid), process, confinement, this.#allowed(tid, process, confinement, byPid)),
      )
      return combineConfinement(threads, { threads: sum })
    })
    return combineConfinement(kinds, { processes: sum, threads: sum })
  }

  /** What a thread's filters allow: those of the thread itself, or those that it inherited from its parent. */
  #allowed(
    tid: number,
    process: ConfinedProcess,
    { seccomp, seccompFilters }: ThreadConfinement,
    byPid: ReadonlyMap<number, ConfinedProcess>,
  ): Allowed {
    if (seccomp !== 'filter') return { calls: null }
    const ancestors: number[] = []
    for (let at: ConfinedProcess | undefined = process; at; at = byPid.get(at.parent)) ancestors.push(at.pid)
    const found = [tid, ...ancestors].flatMap((id) => this.#filters.get(id) ?? [])[0]
    // A process can add filters, and it cannot remove any. So with as many, they are the same.
    if (found && found.filters === seccompFilters) return found.allowed
    return { calls: null, callsProblem: 'the process got its filters after isobench read those of the others' }
  }

  #entry(role: ProcessRole, process: ConfinedProcess, confinement: ThreadConfinement, allowed: Allowed): Confinement {
    const { seccomp, seccompFilters, noNewPrivileges, capabilities, boundingCapabilities, user } = confinement
    const { sharedNamespaces, lsmLabel, hostFiles, devices, kernelObjects } = process.exposure
    const { rootfs, dataDir } = this.places
    const isGuestFile = (path: string) => [rootfs, dataDir].some((folder) => isBelow(path, folder))
    return {
      role,
      programs: [process.program],
      processes: 1,
      threads: 1,
      seccomp,
      filters: seccompFilters ?? null,
      ...allowed,
      noNewPrivileges,
      capabilities: [...capabilities],
      boundingCapabilities: [...boundingCapabilities],
      user,
      sharedNamespaces: [...sharedNamespaces],
      lsmLabel,
      hostFiles: [
        ...new Set(hostFiles.filter((path) => !isGuestFile(path)).map((path) => generalPath(path, this.places))),
      ],
      devices: [...devices],
      kernelObjects: [...kernelObjects],
    }
  }
}

const sum = (a: number, b: number) => a + b

const isBelow = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)

function applied(filters: ThreadFilters): Allowed {
  if ('problem' in filters) return { calls: null, callsProblem: filters.problem }
  const [table, architecture] = [syscallTable(), auditArchitectures[process.arch]]
  if (architecture === undefined) return { calls: null, callsProblem: `isobench does not know ${process.arch}` }
  try {
    const { allowed, conditional, supervised } = allowedCalls(filters.programs, table, architecture)
    const calls = {
      allowed: [...allowed],
      conditional: [...conditional],
      supervised: [...supervised],
      otherInterfaces: process.arch === 'x64' ? otherInterfaces(filters.programs) : [],
      known: table.size,
    }
    return { calls }
  } catch (error) {
    return { calls: null, callsProblem: messageOf(error) }
  }
}
