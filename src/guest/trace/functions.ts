import type { Instrument } from './instrument.ts'
import { kernelSymbols } from './kernel-symbols.ts'

/**
 * How an interrupt comes in and goes, before and after the flag says so: the task did not ask for it. After the filter of
 * nabla-containers' nabla-measurements, in the names of today's kernels.
 */
const interrupt =
  /^(?:asm_)?(?:sysvec_|common_interrupt|fred_)|^__?irq_(?:enter|exit)|^irq_(?:enter|exit)|^irqentry_|^(?:__)?do_softirq|^handle_softirqs|^invoke_softirq|^irq_work_|^smp_\w*interrupt|^__sysvec_|^tick_irq_enter|^idle_cpu$|^ret_from_intr/

/**
 * What a kernel's symbol counts as: the compiler's copies of one function (`.isra.0`, `.constprop.0`, `.part.0`) are that function.
 * Undefined for how an interrupt comes in or goes.
 */
export const functionName = (symbol: string): string | undefined =>
  interrupt.test(symbol) ? undefined : symbol.replace(/\..*$/, '')

/** The host kernel's own functions, by ftrace's function tracer: the paper's instrument. */
export const functions: Instrument = {
  name: 'functions',
  about: "functions of the host kernel, by ftrace's function tracer",
  pids: 'set_ftrace_pid',
  forks: 'options/function-fork',
  enable: ['current_tracer', 'function'],
  disable: ['current_tracer', 'nop'],
  bufferMiB: 500,
  event: 'ftrace/function',
  field: 'ip',
  nameOf: ({ value, inInterrupt }) =>
    inInterrupt ? undefined : functionName(kernelSymbols()(value) ?? `0x${value.toString(16)}`),
}
