/** Which program each traced thread executes at each time, and the role of that program. Pure. */

import {
  type Classified,
  launched,
  type ProcessRole,
  type ProgramRole,
  roleAfterExec,
  roleOfRunning,
} from '../dsl/process-roles.ts'

/** A process as `/proc` shows it at a time. */
export interface ObservedProcess {
  readonly pid: number
  /** Its threads, itself included. */
  readonly tasks: readonly number[]
  readonly parent: number
  /** Target of `exe`. Absent: a kernel thread. */
  readonly file?: string
  readonly argv: readonly string[]
  /** Whether its root is not the host's, and so it is in a guest or in a sandbox of the platform. */
  readonly insideRoot: boolean
  /** Whether it belongs to a daemon that serves several guests. */
  readonly ofDaemon: boolean
  /** Whether it is the shell that waits at a barrier, or the program that enters a guest. */
  readonly atBarrier: boolean
  /** When isobench had read it: nanoseconds of the clock of the events. */
  readonly readBy: number
}

/** A time in which a process executes one program. Its threads, and children that execute nothing else, share it. */
interface Program {
  /** The executed file, if isobench saw the call. */
  readonly file?: string
  readonly before?: Program | undefined
  observed?: ObservedProcess
  readonly counts: Map<bigint, number>[]
}

/** Counts of values, by the index of their counter. */
export type ValueCounts = readonly ReadonlyMap<bigint, number>[]

const isSame = (a: ObservedProcess, b: ObservedProcess) =>
  a.file === b.file && a.argv.length === b.argv.length && a.argv.every((word, at) => word === b.argv[at])

/**
 * Follows the threads of a traced platform through the events of the kernel and through observations of `/proc`. Both
 * must arrive in the order of their times.
 */
export class ProcessTable {
  #programs = new Map<number, Program>()
  #counted = new Set<Program>()
  #own: readonly ProgramRole[] = []

  /** Forgets all threads. @param own the driver's rows of the table of programs */
  reset(own: readonly ProgramRole[]): void {
    this.#programs = new Map()
    this.#counted = new Set()
    this.#own = own
  }

  /** A thread has made a thread or a process, which executes the same program. */
  fork(parent: number, child: number): void {
    this.#programs.set(child, this.#programOf(parent))
  }

  /**
   * A process executes a file. `task` was its thread that asked for it, and its id is now `pid`.
   * @param time nanoseconds
   */
  exec(pid: number, task: number, file: string, time: number): void {
    const before = this.#programOf(task)
    // While isobench read it, the process executed this file: what was read may be of either program. A child that
    // executes a file does not change what was read of its parent, with which it shares the program.
    if (before.observed?.pid === pid && before.observed.readBy >= time) delete before.observed
    this.#programs.set(pid, { file, before, counts: [] })
  }

  /** Adds what `/proc` showed of a process. */
  observe(process: ObservedProcess): void {
    const known = this.#programs.get(process.pid)
    let program = known
    // A process without arguments, such as a stub of gVisor, is a copy of its parent.
    const isCopy = process.file !== undefined && process.argv.length === 0 && known !== undefined
    if (known?.file !== undefined && known.observed === undefined && !isCopy) known.observed = process
    else if (!isCopy && !(known?.observed && isSame(known.observed, process))) {
      // It executed this program before isobench followed it.
      program = { before: known ?? this.#programs.get(process.parent), observed: process, counts: [] }
    }
    for (const task of [process.pid, ...process.tasks]) this.#programs.set(task, program!)
  }

  /** Counts an event of a thread. @param counter index of the counter */
  count(task: number, counter: number, value: bigint): void {
    const program = this.#programOf(task)
    let values = program.counts[counter]
    if (!values) {
      values = new Map()
      program.counts[counter] = values
      this.#counted.add(program)
    }
    values.set(value, (values.get(value) ?? 0) + 1)
  }

  /** Returns the counts since the last time, of each program, with its role and its file. */
  take(): { readonly role: ProcessRole; readonly file: string; readonly counts: ValueCounts }[] {
    const taken = [...this.#counted].map((program) => ({
      role: this.#classify(program).role,
      file: program.observed?.file ?? program.file ?? '',
      counts: program.counts.splice(0),
    }))
    this.#counted = new Set()
    return taken
  }

  /** Returns the role of a thread by the events and observations until now. */
  roleOf(task: number): ProcessRole {
    return this.#classify(this.#programOf(task)).role
  }

  /** An unknown thread is the shell that isobench has launched and added to the traced processes. */
  #programOf(task: number): Program {
    const known = this.#programs.get(task)
    if (known) return known
    const program: Program = { counts: [] }
    this.#programs.set(task, program)
    return program
  }

  #classify({ file, before, observed }: Program): Classified {
    const previous = before ? this.#classify(before) : launched
    if (observed?.atBarrier) return { role: 'scaffold', entersGuest: true }
    if (observed?.file !== undefined) {
      const place = observed.insideRoot ? 'guest' : observed.ofDaemon ? 'daemon' : 'host'
      const running = roleOfRunning({ file: observed.file, argv: observed.argv }, place, this.#own)
      if (running) return running
    } else if (observed) {
      // A kernel thread in the cgroup of a guest is one of vhost.
      return { role: 'vmm', entersGuest: false }
    }
    return file === undefined ? previous : roleAfterExec({ file }, previous, this.#own)
  }
}
