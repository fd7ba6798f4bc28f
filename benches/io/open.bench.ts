import { closeSync, openSync } from 'node:fs'
import { bench, expect, workload } from 'isobench'

/**
 * Opens and closes a file in /data, timed inside the guest. Not a benchmark of the paper, but the ablation for finding
 * 8: gVisor's gofer takes part in opening a file, while reads and writes use the descriptor that it returned.
 */
const open = workload.inGuest('open and close a file', () => {
  closeSync(openSync('/data/open.dat', 'a'))
})

export const opening = bench('opening files', open, {
  tags: ['io', 'slow'],
  expect: { throughput: expect.warn.withinNative(25) },
})
