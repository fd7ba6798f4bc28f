/** What is watched at one moment: two benches, of which `other` is the second, on three platforms. */
import type { Snapshot } from '../../../../src/core/watch/changes.ts'
import { aBench } from '../judge/builders.ts'

export const other = 'b.bench.ts#net'
export const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  guest: { cpus: 1, memoryBytes: 1024 },
  image: {},
  profile: { rounds: 5, warmup: 1, seconds: 1, timeout: 60, skipTags: [], skipEmulated: false },
  benches: [aBench(), aBench({ id: other, file: 'b.bench.ts', name: 'net' })],
  findings: [],
  platforms: new Map([
    ['native', 'n'],
    ['runc', 'r'],
    ['gvisor', 'g'],
  ]),
  tags: new Map(),
  ...over,
})
