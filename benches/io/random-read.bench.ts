import { bench, expect, lower, workload } from 'isobench'
import { fio } from 'isobench/tools'

/**
 * fio reads 4 KiB at random offsets with one request in flight, libaio and O_DIRECT: the paper's read latency (§3.3,
 * Fig. 10).
 *
 * In samples of at least 5 s the file is twice the guest's memory, as in the paper. In `quick` it is 256 MiB, because
 * creating the file takes longer than the measurement. O_DIRECT only bypasses the guest's own page cache. Caches of
 * layers below (gVisor's sentry, the host) are the reason why the paper excluded gVisor. The report flags a result much
 * better than native's as `suspiciously-fast`.
 */
const randomRead = workload('random reads', {
  metrics: { mean: lower('us'), p50: lower('us'), p99: lower('us') },
  async run({ guest, seconds, memoryBytes }) {
    const file = `${guest.data}/random-read.dat`
    const size = seconds < 5 ? '256m' : `${Math.ceil((2 * memoryBytes) / 2 ** 20)}m`
    await guest.exec(fio.layout({ file, size }))
    await guest.dropCaches()
    const job = { name: 'randread', rw: 'randread', blockSize: '4k', depth: 1, unlink: true } as const
    const { stdout } = await guest.exec(fio.job({ ...job, file, size, seconds: Math.ceil(seconds) }))
    const { latencyMeanUs, p50Us, p99Us } = fio.parse(stdout).read
    return { mean: latencyMeanUs, p50: p50Us, p99: p99Us }
  },
})

export const reads = bench('random read latency', randomRead, {
  tags: ['io', 'slow', 'figure-10'],
  expect: { mean: expect.warn.withinNative(25) },
})
