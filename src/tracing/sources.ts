/** The trace sources: functions of the host kernel (ftrace), and system calls (a tracepoint). */

import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import type { TraceSource as Name } from '../dsl/traced.ts'
import { compatSyscallName, syscallName } from '../host/syscall-names.ts'
import { HostError } from '../util/errors.ts'
import { numberOf, UnknownCallError } from './call-interface.ts'
import type { TraceEvent } from './ring-buffer.ts'

/** Returns the name of the function that contains an address, or `undefined` below the first function. */
export type Symbols = (address: bigint) => string | undefined

/**
 * Adds their order in memory to the names of static functions that several source files have: `show`, `show#2`.
 * @param symbols sorted by address
 */
function numberNamesakes(symbols: { readonly address: bigint; name: string }[]): void {
  const seen = new Map<string, { address: bigint; count: number }>()
  for (const symbol of symbols) {
    const last = seen.get(symbol.name) ?? { address: symbol.address, count: 1 }
    if (last.address !== symbol.address) last.count++
    seen.set(symbol.name, { address: symbol.address, count: last.count })
    if (last.count > 1) symbol.name = `${symbol.name}#${last.count}`
  }
}

/**
 * Parses `/proc/kallsyms`. Of several names for an address the first one counts, as in the kernel's own traces.
 * @throws {HostError} if the kernel hides all addresses, because every address would then be in the last function
 */
export function parseKallsyms(kallsyms: string): Symbols {
  const symbols: { readonly address: bigint; name: string }[] = []
  for (const line of kallsyms.split('\n')) {
    // Kernel: `ffffffff81000010 t name`. Module: the same, followed by `\t[module]`.
    const match = /^([\da-f]+) [tTwW] (\S+)/.exec(line)
    if (match) symbols.push({ address: BigInt(`0x${match[1]!}`), name: match[2]! })
  }
  if (symbols.every(({ address }) => address === 0n))
    throw new HostError('kernel.kptr_restrict hides the addresses of its functions', 'sysctl kernel.kptr_restrict=1')
  symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
  numberNamesakes(symbols)
  return (address) => {
    let [low, high] = [0, symbols.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (symbols[middle]!.address <= address) low = middle + 1
      else high = middle
    }
    let index = low - 1
    while (index > 0 && symbols[index - 1]!.address === symbols[index]!.address) index--
    return symbols[index]?.name
  }
}

let cached: { readonly modules: string; readonly symbols: Symbols } | undefined

/** Returns the symbols of this kernel and of its loaded modules. */
export function kernelSymbols(): Symbols {
  const modules = readFileSync('/proc/modules', 'utf8')
  if (cached?.modules !== modules) cached = { modules, symbols: parseKallsyms(readFileSync('/proc/kallsyms', 'utf8')) }
  return cached.symbols
}

/** Returns the names of the functions of this kernel and its loaded modules, or undefined if the host hides them. */
export function kernelFunctionNames(): ReadonlySet<string> | undefined {
  try {
    const lines = readFileSync('/proc/kallsyms', 'utf8').matchAll(/^[\da-f]+ [tTwW] (\S+)/gm)
    const names = new Set([...lines].map(([, name]) => name!))
    return names.size > 0 ? names : undefined
  } catch {
    return undefined
  }
}

/**
 * Functions that enter and leave an interrupt, before and after its flag is set. They are unrelated to the task. Based
 * on the filter of nabla-containers' nabla-measurements, with the names of current kernels.
 */
const interruptEntry = new RegExp(
  [
    /^(?:asm_)?(?:sysvec_|common_interrupt|fred_)|^__?irq_(?:enter|exit)|^irq_(?:enter|exit)|^irqentry_/,
    /^(?:__)?do_softirq|^handle_softirqs|^invoke_softirq|^irq_work_|^smp_\w*interrupt|^__sysvec_/,
    /^tick_irq_enter|^idle_cpu$|^ret_from_intr/,
  ]
    .map(({ source }) => source)
    .join('|'),
)

/**
 * Returns the function name of a kernel symbol. Copies by the compiler (`.isra.0`, `.constprop.0`, `.part.0`) count as
 * the function. Returns `undefined` for functions that enter or leave an interrupt.
 */
export const functionName = (symbol: string): string | undefined =>
  interruptEntry.test(symbol) ? undefined : symbol.replace(/\.[^#]*/, '')

/** Functions of the host kernel, by ftrace's function tracer: the paper's trace source. */
export const functions: TraceSourceSpec = {
  name: 'functions',
  description: "functions of the host kernel, by ftrace's function tracer",
  // The second list is that of the events which show what a process executes.
  pids: ['set_ftrace_pid', 'set_event_pid'],
  forks: ['options/function-fork', 'options/event-fork'],
  enable: ['current_tracer', 'function'],
  disable: ['current_tracer', 'nop'],
  check: () => void kernelSymbols(),
  bufferMiB: 500,
  event: 'ftrace/function',
  field: 'ip',
  hasInterfaces: false,
  nameOf: ({ value, inInterrupt }) =>
    inInterrupt ? undefined : functionName(kernelSymbols()(value) ?? `0x${value.toString(16)}`),
}

/**
 * System calls of the guest's host processes, by the tracepoint raw_syscalls:sys_enter. Cheap enough to lose no events,
 * and allowed by kernels in lockdown, which forbid function tracing. Not the paper's trace source.
 */
export const syscalls: TraceSourceSpec = {
  name: 'syscalls',
  description: 'system calls of the host processes, by the tracepoints raw_syscalls:sys_enter and syscalls',
  pids: ['set_event_pid'],
  forks: ['options/event-fork'],
  enable: ['events/raw_syscalls/sys_enter/enable', '1'],
  disable: ['events/raw_syscalls/sys_enter/enable', '0'],
  bufferMiB: 256,
  event: 'raw_syscalls/sys_enter',
  field: 'id',
  hasInterfaces: true,
  nameOf: ({ value, isCompat }) => {
    const number = numberOf(value)
    const name = isCompat ? compatSyscallName(number) : syscallName(number)
    if (name === undefined)
      throw new UnknownCallError(
        `a traced process made the ${isCompat ? '32-bit ' : ''}system call ${number}, which isobench cannot name ` +
          `on Linux ${release()}.`,
        'trace functions instead, or report the number',
      )
    return name
  },
}

/** The trace sources by name. To add one, define it in this file and add it here. */
export const traceSources: Readonly<Record<Name, TraceSourceSpec>> = { functions, syscalls }

/** Events of all trace sources, which show what a process executes. */
export const processEvents = ['sched/sched_process_fork', 'sched/sched_process_exec'] as const

/** A file of a tracefs instance, and the text to write to it. */
export type Setting = readonly [file: string, text: string]

/** How to use one trace source. */
export interface TraceSourceSpec {
  readonly name: Name
  readonly description: string
  /** The files for the pids to trace, and the options that make the kernel also trace their children. */
  readonly pids: readonly string[]
  readonly forks: readonly string[]
  /** What to write to enable and disable it. A kernel may list a tracer and still refuse to enable it. */
  readonly enable: Setting
  readonly disable: Setting
  /** @throws {HostError} if the kernel hides what the names need */
  check?(): void
  /** Buffer size in MiB for each CPU of the guests. */
  readonly bufferMiB: number
  /** The event: its directory in `events`, and the field that identifies what happened. */
  readonly event: string
  readonly field: string
  /** Whether a second event shows by which interface a call was made. */
  readonly hasInterfaces: boolean
  /** Returns what an event counts as, or `undefined` if it is unrelated to the task. */
  nameOf(event: TraceEvent): string | undefined
}
