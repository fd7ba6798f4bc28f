import { closeSync, openSync } from 'node:fs'
import { bench, expect, workload } from 'isobench'

/**
 * Opening and closing a file on the guest's data path, timed inside the guest. Not one of the paper's: it is the ablation for
 * finding 8, since an open is what gVisor's gofer takes part in. Reads and writes go past it to a descriptor that it gave.
 */
const open = workload.inGuest('open and close a file', () => {
  closeSync(openSync('/data/open.dat', 'a'))
})

export const opening = bench('opening files', open, {
  tags: ['io', 'slow'],
  expect: { throughput: expect.warn.withinNative(25) },
})
