import { type BootPhases, bench, lower, workload } from 'isobench'
import { command } from 'isobench/tools'

/**
 * Where the time of a boot goes. Each metric is one phase: docs/explanation/startup.md says what begins and ends it.
 * The guest runs the command of the bench `boot`, but a runtime with several commands boots it in steps, so the sum is
 * more than `duration` there. A phase that a platform does not have, or does not show, is absent.
 */
const phases = workload.boot('boot in phases', {
  metrics: {
    create: lower('ms'),
    start: lower('ms'),
    vmm: lower('ms'),
    kernel: lower('ms'),
    init: lower('ms'),
    firstCommand: lower('ms'),
    firstInstruction: lower('ms'),
    exit: lower('ms'),
    remove: lower('ms'),
  },
  params: { boots: [3, 15] },
  async run({ bootPhases, params: { boots } }) {
    const all: BootPhases[] = []
    for (let i = 0; i < boots; i++) all.push(await bootPhases(command('/bin/busybox', 'echo', 'booted')))
    const each = (phase: keyof BootPhases): number[] | null => {
      const observed = all.flatMap((one) => one[phase] ?? [])
      return observed.length === 0 ? null : observed
    }
    return {
      create: each('create'),
      start: each('start'),
      vmm: each('vmm'),
      kernel: each('kernel'),
      init: each('init'),
      firstCommand: each('firstCommand'),
      firstInstruction: each('firstInstruction'),
      exit: each('exit'),
      remove: each('remove'),
    }
  },
})

export const bootingInPhases = bench('boot phases', phases, {
  params: { boots: [3] },
  profiles: { paper: { boots: [15] } },
  tags: ['startup', 'slow'],
  timeout: 300,
})
