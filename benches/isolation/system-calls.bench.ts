import { bench, expect, type Guest, group, lower, workload } from 'isobench'
import { type CallName, calls } from 'isobench/tools'

/** Measures calls, which share the seconds. The calls on files work in the folder. */
async function measure<N extends CallName>(names: readonly N[], guest: Guest, seconds: number, folder = '/tmp') {
  const { stdout } = await guest.exec(calls.measure({ names, seconds: seconds / names.length, folder }))
  return calls.parse(stdout, names)
}

/**
 * What the boundary of a guest costs a single call: nanoseconds, by the guest's clock. The operations are those of
 * lmbench, gVisor's own benchmarks and `perf bench`. `isobench-calls`, which is built into the image, repeats each of
 * them in batches and reports the median batch. The names of a bench share the sample's time.
 *
 * The paper has no such figures. Everyday work, such as `git status`, consists of these calls.
 */
group('calls', { tags: ['isolation', 'syscalls', 'slow'] }, () => {
  const kernelNames = ['getpid', 'clockGettime', 'futexWake', 'signal', 'epoll', 'mmap', 'pageFault'] as const

  const kernel = workload('calls to the kernel', {
    metrics: {
      getpid: lower('ns'),
      clockGettime: lower('ns'),
      futexWake: lower('ns'),
      signal: lower('ns'),
      epoll: lower('ns'),
      mmap: lower('ns'),
      pageFault: lower('ns'),
    },
    run: ({ guest, seconds }) => measure(kernelNames, guest, seconds),
  })

  const fileNames = ['stat', 'openClose', 'unlink'] as const

  /** The root is read-only in every guest, so files are in the guest's memory or in /data. */
  const files = workload('calls on files', {
    metrics: { stat: lower('ns'), openClose: lower('ns'), unlink: lower('ns') },
    params: { on: ['tmpfs', 'data'] },
    run: ({ guest, seconds, params: { on } }) =>
      measure(fileNames, guest, seconds, on === 'data' ? guest.data : '/tmp'),
  })

  const processNames = ['fork', 'forkExec', 'threadCreate', 'pipe', 'socket', 'contextSwitch'] as const

  /** A message makes the CPU switch to its receiver, because all processes of a guest share a CPU. */
  const processes = workload('processes and messages', {
    metrics: {
      fork: lower('ns'),
      forkExec: lower('ns'),
      threadCreate: lower('ns'),
      pipe: lower('ns'),
      socket: lower('ns'),
      contextSwitch: lower('ns'),
    },
    run: ({ guest, seconds }) => measure(processNames, guest, seconds),
  })

  bench('to the kernel', kernel, { expect: { getpid: expect.warn.withinNative(25) } })
  bench('on files', files, { expect: { openClose: expect.warn.withinNative(50) } })
  bench('processes and messages', processes, { expect: { forkExec: expect.warn.withinNative(50) } })
})
