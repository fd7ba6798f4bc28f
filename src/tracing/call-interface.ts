/**
 * By which interface a thread made a system call: the kernel's own, or the one for 32-bit programs. The event
 * `raw_syscalls:sys_enter` has only a number. The event of the call itself, such as `syscalls:sys_enter_read`, comes
 * right after it, but not for 32-bit programs (`trace_get_syscall_nr` in kernel/trace/trace_syscalls.c).
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kernelNameOf, syscallName } from '../host/syscall-names.ts'
import { IsobenchError } from '../util/errors.ts'

/** The events of the kernel's own calls. */
const prefix = 'sys_enter_'

/** The events of the kernel's own calls in an instance of tracefs. */
export interface CallEvents {
  /** Their directories. */
  readonly folders: readonly string[]
  /** Their values of `common_type`. */
  readonly types: ReadonlySet<number>
  /** Whether the kernel has an event for a call. It has none for calls that it does not implement. */
  has(number: number): boolean
}

/** @param folder of the tracefs instance */
export function readCallEvents(folder: string): CallEvents {
  const events = join(folder, 'events/syscalls')
  const names = readdirSync(events).filter((name) => name.startsWith(prefix))
  const known = new Set(names)
  return {
    folders: names.map((name) => join('events/syscalls', name)),
    types: new Set(names.map((name) => Number(readFileSync(join(events, name, 'id'), 'utf8')))),
    has(number) {
      const name = syscallName(number)
      return name !== undefined && known.has(prefix + kernelNameOf(name))
    },
  }
}

/** A thread's last call. */
interface Call {
  value: bigint
  /** Nanoseconds of the instance's clock. */
  time: number
  isOpen: boolean
}

/** The recorded number of a call that a seccomp filter or a ptracer has suppressed. It has no event of a call. */
const suppressed = BigInt.asUintN(64, -1n)

/**
 * A recording may end between the two events of a call. They are less than a microsecond apart, unless an interrupt
 * comes in. Nanoseconds.
 */
const largestGap = 100_000

/** Pairs the two events of each call, thread by thread, in the order of their times. */
export class CallPairs {
  readonly #calls = new Map<number, Call>()

  /**
   * @param stops nanoseconds before and after each end of the recording
   * @param onCall called once for each call, in any order
   */
  constructor(
    private readonly stops: readonly (readonly [before: number, after: number])[],
    private readonly onCall: (task: number, value: bigint, isPaired: boolean) => void,
  ) {}

  /** A thread has entered a call by any interface. */
  enter(task: number, value: bigint, time: number): void {
    this.settle(task)
    if (value === suppressed) return
    const call = this.#calls.get(task)
    if (call) {
      call.value = value
      call.time = time
      call.isOpen = true
    } else this.#calls.set(task, { value, time, isOpen: true })
  }

  /** The call of this thread is one of the kernel's own. */
  confirm(task: number): void {
    const call = this.#calls.get(task)
    // The recording may have begun between the two events.
    if (!call?.isOpen) return
    call.isOpen = false
    this.onCall(task, call.value, true)
  }

  /** The next event of this thread is of another call, or of another program. */
  settle(task: number): void {
    const call = this.#calls.get(task)
    if (!call?.isOpen) return
    call.isOpen = false
    if (!this.#isCut(call.time)) this.onCall(task, call.value, false)
  }

  /** There are no further events. */
  settleAll(): void {
    for (const task of this.#calls.keys()) this.settle(task)
  }

  /** Whether the recording may have ended before the second event. Then the call counts as one after the end. */
  #isCut(time: number): boolean {
    return this.stops.some(([before, after]) => time >= before - largestGap && time <= after)
  }
}

/** A traced process made a system call that isobench cannot name. */
export class UnknownCallError extends IsobenchError {
  readonly code = 'ISOBENCH_UNKNOWN_CALL'
}

/**
 * Returns the calls of a program by interface. A call that this kernel does not implement has no event by any
 * interface. It has the interface of the program's other calls.
 * @param native calls with both events
 * @param unpaired calls with one event
 * @throws {UnknownCallError} if the program uses both interfaces
 */
export function byInterface(
  native: ReadonlyMap<bigint, number>,
  unpaired: ReadonlyMap<bigint, number>,
  hasEvent: (number: number) => boolean,
): { readonly native: ReadonlyMap<bigint, number>; readonly compat: ReadonlyMap<bigint, number> } {
  const [certain, open] = [new Map<bigint, number>(), new Map<bigint, number>()]
  for (const [value, count] of unpaired) (hasEvent(numberOf(value)) ? certain : open).set(value, count)
  if (open.size === 0) return { native, compat: certain }
  if (certain.size === 0) return { native: new Map([...native, ...open]), compat: certain }
  if (native.size === 0) return { native, compat: unpaired }
  throw new UnknownCallError(
    `a traced program made the system call ${numberOf([...open.keys()][0]!)}, which this kernel does not implement. ` +
      'Because the program makes 32-bit and 64-bit calls, isobench cannot name it.',
    'trace functions instead, or trace a program that uses one interface',
  )
}

/** The number of a call, which the kernel records as 64 bits. */
export const numberOf = (value: bigint): number => Number(BigInt.asIntN(64, value))
