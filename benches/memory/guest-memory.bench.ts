import { setTimeout as sleep } from 'node:timers/promises'
import { bench, expect, finding, type GuestMemory, lower, part, workload } from 'isobench'
import { command } from 'isobench/tools'
import { gkeRuntimes } from '../sources.ts'

/**
 * Memory that a guest takes from the host: everything that the kernel charges to the guest's processes and to those of
 * its platform, such as VMM, shim, gofer and virtiofsd, and the growth of a daemon. See
 * docs/explanation/startup.md for what this includes.
 */
const mebibytes = (bytes: number | undefined): number | null => (bytes === undefined ? null : bytes / 1024 ** 2)

/** Values of a memory in MiB. A part that the kernel or the platform does not show is null. */
const inMebibytes = ({ total, anonymous, shared, pageCache, kernel, daemons }: GuestMemory) => ({
  total: mebibytes(total)!,
  processes: mebibytes(anonymous + shared)!,
  pageCache: mebibytes(pageCache)!,
  kernel: mebibytes(kernel),
  daemons: mebibytes(daemons),
})

/**
 * A fixed piece of work: allocate 64 MiB, write half of it to a file, read that back, and remove it. Everything is
 * returned to the guest's kernel at its end, so what remains is what the platform does not return to the host.
 */
const work = command(
  'python3',
  '-c',
  `
import hashlib, os
blocks = [bytes([i]) * 2**20 for i in range(64)]
with open('/data/work', 'wb') as file:
    for block in blocks[:32]: file.write(block)
    file.flush()
    os.fsync(file.fileno())
with open('/data/work', 'rb') as file: hashlib.sha256(file.read())
os.remove('/data/work')
`,
)

const guestMemory = workload('memory of a guest, idle and after work', {
  metrics: {
    idle: lower('MiB'),
    idleProcesses: lower('MiB'),
    idlePageCache: lower('MiB'),
    idleKernel: lower('MiB'),
    idleDaemons: lower('MiB'),
    afterWork: lower('MiB'),
    afterWorkProcesses: lower('MiB'),
    afterWorkPageCache: lower('MiB'),
    afterWorkKernel: lower('MiB'),
    afterWorkDaemons: lower('MiB'),
  },
  // A guest that has worked for another bench is not idle after its boot.
  lifecycle: 'sample',
  async run({ guest, seconds, signal }) {
    const settle = () => sleep(seconds * 1000, undefined, { signal })
    await settle()
    const idle = inMebibytes(await guest.memory())
    await guest.exec(work)
    await settle()
    const after = inMebibytes(await guest.memory())
    return {
      idle: idle.total,
      idleProcesses: idle.processes,
      idlePageCache: idle.pageCache,
      idleKernel: idle.kernel,
      idleDaemons: idle.daemons,
      afterWork: after.total,
      afterWorkProcesses: after.processes,
      afterWorkPageCache: after.pageCache,
      afterWorkKernel: after.kernel,
      afterWorkDaemons: after.daemons,
    }
  },
})

export const guestMemoryBench = bench('guest memory', guestMemory, {
  tags: ['memory', 'slow', 'footprint'],
  timeout: 300,
  beside: { tag: 'startup', metrics: ['idle', 'afterWork'] },
})

/** The study has a browser in each Pod. A guest of this bench does less, so it must not exceed the Pod. */
finding(
  '2026-4',
  'A guest of gVisor takes at most 206 MiB of the host, and one of Kata three times the memory of gVisor',
  [
    part('gVisor takes at most 206 MiB', [expect(guestMemoryBench.afterWork).on('gvisor').atMost('206MiB')], {
      quote: 'gVisor (`runsc`) | ~370 MiB | ~206.0 MiB',
      margins: 'the unique memory of a Pod that runs a browser, which a guest without one must not exceed',
    }),
    part(
      'Kata takes three times as much',
      [
        expect(guestMemoryBench.idle).on('kata').worseThan('gvisor', { by: '3x' }),
        expect(guestMemoryBench.afterWork).on('kata').worseThan('gvisor', { by: '3x' }),
      ],
      {
        quote: 'Kata (`kata-qemu`) | ~1,130 MiB | ~631.5 MiB',
        margins: '631.5 MiB of Kata with QEMU are three times 206.0 MiB. With Cloud Hypervisor it is 687.5 MiB',
      },
    ),
  ],
  { source: gkeRuntimes },
)
