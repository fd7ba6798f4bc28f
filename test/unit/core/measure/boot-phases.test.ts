import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BootEvents,
  type PhaseRunner,
  parseBootEvents,
  phasesOfProcess,
  runProcess,
  runSteps,
} from '../../../../src/core/measure/boot-phases.ts'
import { type HostArgv, runHostCommand } from '../../../../src/host/process.ts'
import type { GuestSandbox } from '../../../../src/host/sandbox.ts'
import { CommandError, runTimed } from '../../../../src/host/timed-process.ts'

describe('the events of a boot', () => {
  it('are read in milliseconds', () => {
    expect(parseBootEvents('vmm 2000000\nagent 902000000\nguest 300000 700000\n')).toEqual({
      vmm: 2,
      agent: 902,
      guest: { init: 300, agent: 700 },
    })
    expect(parseBootEvents('vmm 2000000\nagent 902000000\n')).toEqual({ vmm: 2, agent: 902 })
  })

  it('lack the clock of a guest that is older than its VMM, or goes backwards', () => {
    const events = { vmm: 2, agent: 902 }
    for (const guest of ['0 900001', '700000 300000', '999999999999999 999999999999999'])
      expect(parseBootEvents(`vmm 2000000\nagent 902000000\nguest ${guest}\n`)).toEqual(events)
  })

  it.each([
    '',
    'vmm 1\n',
    'agent 2\nvmm 1\n',
    'vmm 2\nagent 1\n',
    'vmm 1\nagent 2',
    'vmm 1\nagent 2\nguest 1\n',
    'vmm -1\nagent 2\n',
    'vmm 1e3\nagent 2000\n',
    'vmm 1\nagent 2\nguest 1 2\nguest 1 2\n',
    'vmm 1\nagent 9999999999999999999\n',
    ' vmm 1\nagent 2\n',
  ])('are unknown if the text is %j', (text) => {
    expect(parseBootEvents(text)).toBeUndefined()
  })

  it('never make a phase negative: the boot fails, or the phases add up', () => {
    const text = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()).map(([a, b, c, d]) => {
      return `vmm ${a}\nagent ${b}\nguest ${c} ${d}\n`
    })
    fc.assert(
      fc.property(text, fc.nat(100), fc.nat(), fc.nat(), (given, startedMs, milliseconds, firstByteMs) => {
        const result = { stdout: '', stderr: '', startedMs, milliseconds, firstByteMs }
        try {
          const { vmm, kernel, init, firstCommand, ...rest } = phasesOfProcess(result, parseBootEvents(given))
          for (const one of [vmm, kernel, init, firstCommand, ...Object.values(rest)])
            if (one !== null) expect(one).toBeGreaterThanOrEqual(0)
          if (init !== null) expect(vmm! + kernel! + init + firstCommand!).toBeCloseTo(firstByteMs, 2)
        } catch (error) {
          if (!(error instanceof CommandError)) throw error
        }
      }),
    )
  })
})

describe('the phases of one process', () => {
  const result = { stdout: 'x', stderr: '', startedMs: 1000, milliseconds: 940, firstByteMs: 930 }
  const absent = { create: null, start: null, remove: null }

  it('are those of the VMM and its guest, and add up to the time until the first output', () => {
    const events: BootEvents = { vmm: 1010, agent: 1910, guest: { init: 600, agent: 800 } }
    const phases = phasesOfProcess(result, events)
    expect(phases).toEqual({
      ...absent,
      vmm: 10,
      kernel: 100,
      init: 600,
      firstCommand: 220,
      firstInstruction: null,
      exit: 10,
    })
    expect(phases.vmm! + phases.kernel! + phases.init! + phases.firstCommand!).toBe(930)
  })

  it('are absent if they were not observed', () => {
    const none = { ...absent, kernel: null, init: null, firstCommand: null }
    expect(phasesOfProcess(result, { vmm: 1010, agent: 1910 })).toEqual({
      ...none,
      vmm: 10,
      firstInstruction: null,
      exit: 10,
    })
    expect(phasesOfProcess(result, undefined)).toEqual({ ...none, vmm: null, firstInstruction: 930, exit: 10 })
  })

  it.each<[string, Partial<typeof result>, BootEvents | undefined]>([
    ['"exit" of the boot ended 10 ms', { milliseconds: 920 }, undefined],
    ['"vmm" of the boot ended 1.0 ms', {}, { vmm: 999, agent: 1910 }],
    ['"firstCommand" of the boot ended 50 ms', {}, { vmm: 1010, agent: 2000, guest: { init: 960, agent: 980 } }],
  ])('are unknown if the phase %s before it began', (what, changed, events) => {
    const error = `the phase ${what} before it began, so its time is unknown`
    const broken = { ...result, ...changed }
    expect(() => phasesOfProcess(broken, events)).toThrow(new CommandError(error))
  })

  it('have an exit of 0 ms if Node.js reports the end just before the output', () => {
    expect(phasesOfProcess({ ...result, milliseconds: 929.76 }, undefined).exit).toBe(0)
  })

  it('need an output of the guest', () => {
    expect(() => phasesOfProcess({ ...result, firstByteMs: null }, undefined)).toThrow(CommandError)
  })
})

describe('a boot in steps', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-phases-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const runner: PhaseRunner = { exec: runTimed, options: { label: 'a guest' }, remaining: () => 20_000 }
  const sandbox = (): GuestSandbox =>
    ({ stateDir: folder, run: async (argv: HostArgv) => void (await runHostCommand(argv)) }) as unknown as GuestSandbox
  const sh = (code: string): HostArgv => ['sh', '-c', 'cd "$0" && eval "$1"', folder, code]
  /** Leaves a process that has the output of `create`, prints when it is started, and ends. */
  const create = () => sh('mkfifo go; (read _ <go; echo out; touch ended) & ')
  const start = () => sh('echo >go')
  const unobserved = { vmm: null, kernel: null, init: null, firstCommand: null }

  it('has a guest that outlives the command which created it', async () => {
    // Removing fails unless the guest has ended.
    const remove = sh('test -e ended')
    const phases = await runSteps(sandbox(), { create: create(), start: start(), remove, output: 'create' }, runner)
    const { create: created, start: started, firstInstruction, exit, remove: removed, ...rest } = phases
    for (const phase of [created, started, firstInstruction, exit, removed]) expect(phase).toBeGreaterThanOrEqual(0)
    expect(rest).toEqual(unobserved)
  })

  it('has no time of a start that stays until the guest ends', async () => {
    const steps = { create: sh('true'), start: sh('echo out'), remove: sh('true'), output: 'start' } as const
    const { start: started, firstInstruction, ...rest } = await runSteps(sandbox(), steps, runner)
    expect(started).toBeNull()
    expect(firstInstruction).toBeGreaterThan(0)
    expect(rest).toMatchObject(unobserved)
  })

  it('fails with the step that failed, and leaves no reader behind', async () => {
    const failing = sh('echo broken >&2; exit 3')
    const steps = { create: failing, start: start(), remove: sh('true'), output: 'create' } as const
    await expect(runSteps(sandbox(), steps, runner)).rejects.toThrow(/exit code 3: broken/)
  })

  it('reads the events that the process wrote', async () => {
    // Both are 1 s after the boot began.
    const at = process.hrtime.bigint() + 1_000_000_000n
    const argv = sh(`echo out; printf "vmm ${at}\\nagent ${at}\\n" >"$ISOBENCH_BOOT_EVENTS"`)
    const phases = await runProcess(sandbox(), argv, runner)
    expect(phases).toMatchObject({ kernel: null, firstInstruction: null })
    expect(phases.vmm).toBeLessThan(1000)
    rmSync(join(folder, 'boot-events'))
    expect(await runProcess(sandbox(), sh('echo out'), runner)).toMatchObject({ vmm: null })
  })
})
