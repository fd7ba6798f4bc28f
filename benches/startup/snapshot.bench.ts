import { bench, expect, finding, higher, lower, part, unit, workload } from 'isobench'
import { command } from 'isobench/tools'
import { gkePodSnapshots } from '../sources.ts'

const first = command('/bin/busybox', 'true')
const file = '/tmp/warm'
const mebibyte = 1024 ** 2

/**
 * Saves a guest with `warm` MiB of data in its memory, and starts guests from it. Random data, because platforms leave
 * pages of zeros out of a snapshot.
 *
 * `boot` and `restore` are the time from the request until a first command has ended in the guest. `touch` is the time
 * to read the data again, and `faults` are the page faults of that, beyond those of a second reading. Both are low if
 * the platform loads all memory before the first command, and then `restore` is long.
 *
 * The clones start at the same time, on the CPUs of one guest. `shared` is the memory of each that all of them map.
 */
const saveAndRestore = workload.snapshot('save a guest, restore and clone it', {
  metrics: {
    boot: lower('ms'),
    create: lower('ms'),
    size: lower('MiB'),
    restore: lower('ms'),
    gain: unit('x', { better: 'higher' }),
    touch: lower('ms'),
    faults: lower('count'),
    clones: unit('clones/s', { better: 'higher' }),
    shared: higher('MiB'),
  },
  params: { warm: [32, 256], clones: [4, 8] },
  async run({ boot, params: { warm, clones } }) {
    const original = await boot(first)
    await original.exec(command('dd', 'if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${warm}`, 'status=none'))
    const snapshot = await original.save()
    const restored = await snapshot.restore(first)
    /** Reads the data, and returns the time and the page faults of that. */
    const read = async () => {
      const before = restored.pageFaults()
      const { milliseconds } = await restored.exec(command('dd', `if=${file}`, 'of=/dev/null', 'bs=1M', 'status=none'))
      const after = restored.pageFaults()
      return { milliseconds, faults: before === null || after === null ? null : after - before }
    }
    const [cold, again] = [await read(), await read()]
    const faults = cold.faults === null || again.faults === null ? null : cold.faults - again.faults
    const { milliseconds, sharedBytes } = await snapshot.clone(clones, first)
    return {
      boot: original.milliseconds,
      create: snapshot.milliseconds,
      size: snapshot.bytes / mebibyte,
      restore: restored.milliseconds,
      gain: original.milliseconds / restored.milliseconds,
      touch: cold.milliseconds,
      // More faults the second time are not of the first reading, so what that cost is unknown.
      faults: faults === null || faults < 0 ? null : faults,
      clones: (1000 * clones) / milliseconds,
      shared: sharedBytes === null ? null : sharedBytes / mebibyte,
    }
  },
})

export const snapshots = bench('snapshot', saveAndRestore, {
  params: { warm: [32], clones: [4] },
  profiles: { paper: { warm: [256], clones: [8] } },
  tags: ['startup', 'slow'],
  timeout: 300,
  expect: { restore: expect.atMost('5s') },
})

/** Pod snapshots are checkpoints of gVisor. The guest of this bench starts one idle process, which is fast. */
finding(
  '2026-3',
  'A guest of gVisor that starts fast does not start faster from a snapshot',
  [
    part('no benefit on gVisor', [expect(snapshots.gain).on('gvisor').atMost('1.18x')], {
      quote: "Workloads that already have fast startup times generally won't benefit from Pod snapshots",
      margins: 'a benefit is significant: a boot takes 1.18 times as long as a restore, which is 15 % less time',
    }),
  ],
  { source: gkePodSnapshots },
)
