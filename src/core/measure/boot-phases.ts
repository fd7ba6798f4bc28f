/** The phases of a boot: which commands or events separate them, and how long each takes. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BootSteps } from '../../driver.ts'
import type { BootPhases } from '../../dsl/boot-phases.ts'
import type { HostArgv } from '../../host/process.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'
import { CommandError, type TimedOptions, type TimedResult } from '../../host/timed-process.ts'
import type { Exec } from '../session/exec-target.ts'

const unobserved: BootPhases = {
  create: null,
  start: null,
  vmm: null,
  kernel: null,
  init: null,
  firstCommand: null,
  firstInstruction: null,
  exit: null,
  remove: null,
}

/** When the VM supervisor saw the events of a boot, in milliseconds of the host's monotonic clock. */
export interface BootEvents {
  /** Just before the VMM started. */
  readonly vmm: number
  /** When the agent's first message arrived. */
  readonly agent: number
  /** The guest's clock since its boot, in milliseconds: when its first process started, and in that message. */
  readonly guest?: { readonly init: number; readonly agent: number }
}

/**
 * Reads what programs/supervisor.pl writes: `vmm NS`, `agent NS` and `guest US US`. The last one is what the guest
 * claims.
 * @returns undefined if the text lacks an event, or has anything else
 */
export function parseBootEvents(text: string): BootEvents | undefined {
  const match = /^vmm (\d{1,18})\nagent (\d{1,18})\n(?:guest (\d{1,15}) (\d{1,15})\n)?$/.exec(text)
  if (!match) return undefined
  const [vmm, agent] = [Number(match[1]) / 1e6, Number(match[2]) / 1e6]
  if (agent < vmm) return undefined
  if (match[3] === undefined) return { vmm, agent }
  const guest = { init: Number(match[3]) / 1e3, agent: Number(match[4]) / 1e3 }
  // A guest that claims to be older than its VMM has a wrong clock, or lies.
  return guest.init <= guest.agent && guest.agent <= agent - vmm ? { vmm, agent, guest } : { vmm, agent }
}

/** A process that was observed: when it started in milliseconds of the host's monotonic clock, and its result. */
export interface Observed extends TimedResult {
  readonly startedMs: number
}

const firstByteOf = ({ firstByteMs }: TimedResult): number => {
  if (firstByteMs === null) throw new CommandError('the guest printed nothing, so its first output is unknown')
  return firstByteMs
}

/** Milliseconds by which the times of two clocks with a resolution of 1 us may differ after rounding. */
const roundingMs = 0.001

/** Node.js may report the end of a process before its last output, if both come in one turn of the event loop. */
const turnMs = 5

/**
 * The time of a phase in milliseconds.
 * @param uncertainty milliseconds by which the order of the two times may be wrong; the phase then took 0 ms
 * @throws {CommandError} if it ended before it began: then one of the two was observed too late, or the guest lies
 */
function phase(name: keyof BootPhases, from: number, to: number, uncertainty = roundingMs): number {
  const milliseconds = to - from
  if (milliseconds >= -uncertainty) return Math.max(0, milliseconds)
  const early = (-milliseconds).toPrecision(2)
  throw new CommandError(`the phase "${name}" of the boot ended ${early} ms before it began, so its time is unknown`)
}

/** The phases of a boot that is one host process. */
export function phasesOfProcess(observed: Observed, events: BootEvents | undefined): BootPhases {
  const firstByte = firstByteOf(observed)
  const exit = phase('exit', firstByte, observed.milliseconds, turnMs)
  if (!events) return { ...unobserved, firstInstruction: firstByte, exit }
  const vmm = phase('vmm', observed.startedMs, events.vmm)
  const { guest } = events
  if (!guest) return { ...unobserved, vmm, exit }
  const kernelAt = events.agent - guest.agent
  const kernel = phase('kernel', events.vmm, kernelAt)
  const firstCommand = phase('firstCommand', kernelAt + guest.init, observed.startedMs + firstByte)
  return { ...unobserved, vmm, kernel, init: guest.init, firstCommand, exit }
}

/** What a boot in phases uses of its sample. */
export interface PhaseRunner {
  readonly exec: Exec
  /** Options of every command. */
  readonly options: Omit<TimedOptions, 'timeoutMs'>
  /** Milliseconds that the sample has left. */
  remaining(): number
}

/** @param step for messages, such as `create` */
async function observe(argv: HostArgv, { exec, options, remaining }: PhaseRunner, step?: string): Promise<Observed> {
  let startedMs = Number.NaN
  const onStart = (at: number) => {
    startedMs = at
  }
  const label = step === undefined ? options.label : `${step} of ${options.label}`
  const result = await exec(argv, { ...options, label, timeoutMs: remaining(), onStart })
  return { ...result, startedMs }
}

/** Runs a boot that is one host process, and reads the events that the VM supervisor saw. */
export async function runProcess(sandbox: GuestSandbox, argv: HostArgv, runner: PhaseRunner): Promise<BootPhases> {
  const file = join(sandbox.stateDir, 'boot-events')
  const options = { ...runner.options, env: { ...runner.options.env, ISOBENCH_BOOT_EVENTS: file } }
  const observed = await observe(argv, { ...runner, options })
  const events = existsSync(file) ? parseBootEvents(readFileSync(file, 'latin1')) : undefined
  return phasesOfProcess(observed, events)
}

// Constant scripts: file and argv are positional parameters, so the shell does not interpret them.
const intoFile = 'exec "$@" >"$0"'

/** Runs the steps of a boot one after the other. */
export async function runSteps(sandbox: GuestSandbox, steps: BootSteps, runner: PhaseRunner): Promise<BootPhases> {
  const { create, start, remove } = steps
  if (steps.output === 'start') {
    const created = await observe(create, runner, 'create')
    const started = await observe(start, runner, 'start')
    const removed = await observe(remove, runner, 'removal')
    const firstInstruction = firstByteOf(started)
    const exit = phase('exit', firstInstruction, started.milliseconds, turnMs)
    return {
      ...unobserved,
      create: created.milliseconds,
      firstInstruction,
      exit,
      remove: removed.milliseconds,
    }
  }
  // The guest has the output of `create` and outlives it. A process that reads a pipe sees the guest's output and end.
  const output = join(sandbox.stateDir, 'output')
  await sandbox.run(['mkfifo', output])
  using ending = new EndOnDispose()
  const signal = AbortSignal.any([ending.signal, ...(runner.options.signal ? [runner.options.signal] : [])])
  const reading = observe(['cat', output], { ...runner, options: { ...runner.options, signal } }, 'output')
  // If a step fails, its error is the one that counts.
  reading.catch(() => {})
  const created = await observe(['sh', '-c', intoFile, output, ...create], runner, 'create')
  const started = await observe(start, runner, 'start')
  const read = await reading
  const removed = await observe(remove, runner, 'removal')
  const firstByte = read.startedMs + firstByteOf(read)
  return {
    ...unobserved,
    create: created.milliseconds,
    start: started.milliseconds,
    firstInstruction: phase('firstInstruction', started.startedMs, firstByte),
    exit: phase('exit', firstByte, read.startedMs + read.milliseconds, turnMs),
    remove: removed.milliseconds,
  }
}

/** Aborts its signal at the end of a block. */
class EndOnDispose extends AbortController implements Disposable {
  [Symbol.dispose](): void {
    this.abort()
  }
}
