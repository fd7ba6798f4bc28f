import { expect, test } from 'vitest'
import { parseStat } from '../../../src/tracing/observe.ts'

// Lines as the kernel writes them (proc(5)), cut after the flags.
test.each([
  ['a program', '812 (sysbench) S 790 812 790 0 -1 4194304 1210 0', { parent: 790, isKernelThread: false }],
  ['a name with spaces and parentheses', '7 (a) b (c) R 3 7 7 0 -1 4194304 0', { parent: 3, isKernelThread: false }],
  // PF_EXITING, without a program in /proc as a kernel thread.
  ['a process that ends', '813 (runc) X 790 812 790 0 -1 4228108 0 0', { parent: 790, isKernelThread: false }],
  ['a kernel thread', '2 (kthreadd) S 0 0 0 0 -1 2129984 0 0', { parent: 0, isKernelThread: true }],
])('the stat of %s', (_, line, parsed) => {
  expect(parseStat(line)).toEqual(parsed)
})
