import { type BootPhases, bench, expect, finding, lower, part, workload } from 'isobench'
import { command } from 'isobench/tools'
import { firecrackerSpecification } from '../sources.ts'
import { vmmStartBench } from './vmm-start.bench.ts'

/**
 * Where the time of a boot goes. Each metric is one phase: docs/explanation/startup.md says what begins and ends it.
 * The guest runs the command of the bench `boot`, but a runtime with several commands boots it in steps, so the sum is
 * more than `duration` there. A phase that a platform does not have, or does not show, is absent. `toInit` is the time
 * from the start of a VMM to the first process of its guest.
 */
const phases = workload.boot('boot in phases', {
  metrics: {
    create: lower('ms'),
    start: lower('ms'),
    vmm: lower('ms'),
    kernel: lower('ms'),
    init: lower('ms'),
    toInit: lower('ms'),
    firstCommand: lower('ms'),
    firstInstruction: lower('ms'),
    exit: lower('ms'),
    remove: lower('ms'),
  },
  params: { boots: [3, 15] },
  async run({ bootPhases, params: { boots } }) {
    const all: BootPhases[] = []
    for (let i = 0; i < boots; i++) all.push(await bootPhases(command('/bin/busybox', 'echo', 'booted')))
    const orNull = (observed: number[]): number[] | null => (observed.length === 0 ? null : observed)
    const each = (phase: keyof BootPhases) => orNull(all.flatMap((one) => one[phase] ?? []))
    return {
      create: each('create'),
      start: each('start'),
      vmm: each('vmm'),
      kernel: each('kernel'),
      init: each('init'),
      toInit: orNull(all.flatMap(({ kernel, init }) => (kernel == null || init == null ? [] : [kernel + init]))),
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

finding(
  '2026-6',
  'Firecracker boots a Linux guest to its first process in 125 ms, and takes at most 5 MiB itself',
  [
    part('at most 125 ms to the first process', [expect(bootingInPhases.toInit).on('firecracker').atMost('125ms')], {
      quote:
        'It takes `<= 125 ms` to go from receiving the Firecracker InstanceStart API call to the start of the Linux ' +
        'guest user-space `/sbin/init` process',
      margins: 'from the start of the VMM, which is up to 60 ms before the call. The kernel is that of Debian',
    }),
    part('at most 5 MiB besides the guest', [expect(vmmStartBench.memory).on('firecracker').atMost('5MiB')], {
      quote: "Firecracker's virtual machine manager threads have a memory overhead `<= 5 MiB`",
      margins: 'the peak with a guest of a few hundred bytes; with page cache and kernel memory, so more than is meant',
    }),
  ],
  { source: firecrackerSpecification, failOn: 'never' },
)
