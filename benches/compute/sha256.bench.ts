import { createHash } from 'node:crypto'
import { bench, expect, workload } from 'isobench'

const block = Buffer.alloc(64 * 1024, 'isobench')

/**
 * A TypeScript function, timed inside the guest. It makes no system calls, so isolation should cost nothing.
 */
const sha256 = workload.inGuest('SHA-256 of 64 KiB', () => {
  createHash('sha256').update(block).digest()
})

bench('SHA-256 of 64 KiB', sha256, {
  tags: ['cpu'],
  expect: { throughput: expect.withinNative(10) },
})
