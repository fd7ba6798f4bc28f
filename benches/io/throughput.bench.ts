import { bench, expect, higher, workload } from 'isobench'
import { fio } from 'isobench/tools'

const size = '256m'

/** fio with 128 KiB blocks, libaio and O_DIRECT, on the guest's data path: the paper's throughput test (§3.3, Fig. 9). */
const throughput = workload('file throughput', {
  metrics: { bandwidth: higher('B/s') },
  params: { rw: ['read', 'write'] },
  async run({ guest, seconds, params: { rw } }) {
    const file = `${guest.data}/fio.dat`
    // Reading what was only allocated would read zeros that no disk has seen.
    if (rw === 'read') await guest.exec(fio.layout({ file, size }))
    const job = fio.job({ name: rw, file, rw, blockSize: '128k', size, depth: 16, seconds })
    const { stdout } = await guest.exec(job)
    return { bandwidth: fio.parse(stdout)[rw].bytesPerSecond }
  },
})

bench('file throughput', throughput, {
  tags: ['io'],
  expect: { bandwidth: expect.warn.withinNative(50) },
})
