import { bench, expect, finding, higher, lower, part, platform, workload } from 'isobench'
import { memcached, ycsb } from 'isobench/tools'
import { copying } from '../memory/copy.bench.ts'
import { network } from '../network/bandwidth.bench.ts'
import { paper } from '../paper.ts'

const port = 11211

/**
 * memcached in the guest with YCSB's workload A from isobench's load generator: the paper's Fig. 16 (§3.6). Half of the
 * operations read a record, half update one. A record has ten fields of 100 bytes. Records are chosen by a scrambled
 * Zipfian distribution with constant 0.99. The load phase stores the records and is not measured. Then 16 connections
 * have one request each in flight. An update writes the whole record, because memcached has no fields.
 *
 * The paper states neither the number of records nor of connections. Its scripts used YCSB's defaults of 1000 and 1.
 * Its server has 16 threads; here it has as many as the guest has CPUs. The load generator is the embedded one. With
 * `ISOBENCH_CLIENT=ycsb` it is the `ycsb` in this host's PATH.
 */
const workloadA = workload("YCSB's workload A on memcached", {
  metrics: {
    throughput: higher('ops/s'),
    readP95: lower('us'),
    readP99: lower('us'),
    updateP95: lower('us'),
    updateP99: lower('us'),
  },
  params: { client: ['embedded', 'ycsb'] },
  async run({ guest, client, seconds, cpus, params: { client: program } }) {
    await using server = await guest.serve(memcached.server({ port, memory: 256, threads: cpus }), { port })
    const load = { host: server.address, port, connections: 16, records: 10_000, program } as const
    const from = { rootfs: program === 'ycsb' ? 'host' : 'image' } as const
    const { records } = ycsb.parseLoad((await client.exec(ycsb.load(load), from)).stdout)
    if (records !== load.records) throw new Error(`YCSB stored ${records} of ${load.records} records`)
    const { operationsPerSecond, read, update } = ycsb.parse(
      (await client.exec(ycsb.run({ ...load, seconds }), from)).stdout,
    )
    return {
      throughput: operationsPerSecond,
      readP95: read.p95Us,
      readP99: read.p99Us,
      updateP95: update.p95Us,
      updateP99: update.p99Us,
    }
  },
})

export const keyValue = bench('memcached', workloadA, {
  params: { client: [process.env.ISOBENCH_CLIENT === 'ycsb' ? 'ycsb' : 'embedded'] },
  tags: ['app', 'network', 'slow', 'figure-16'],
  expect: { throughput: expect.warn.withinNative(25) },
})

const operations = expect(keyValue.throughput)

finding(
  17,
  'The newer hypervisors do worse at memcached, and the regular containers very well, LXC most of all',
  [
    part(
      'the newer hypervisors are worse than QEMU',
      [operations.on('firecracker').worseThan('qemu'), operations.on('cloud-hypervisor').worseThan('qemu')],
      { quote: 'The newer hypervisors perform worse', margins: 'worse than QEMU, the older one, by any amount' },
    ),
    part(
      'the regular containers are better than the median of the others',
      [
        operations
          .on(platform.named('docker', 'lxc'))
          .betterThan(platform.medianOf('gvisor', 'kata', 'qemu', 'firecracker', 'cloud-hypervisor', 'osv')),
      ],
      {
        quote: 'overall the regular containers',
        margins: '"very well" has no number: better than the median of all other platforms by any amount',
      },
    ),
    part('LXC is the better of the two', [operations.on('lxc').betterThan('docker')], {
      quote: '(in particular LXC) perform very well',
      margins: 'better than Docker by any amount',
    }),
  ],
  { source: { ...paper, section: '3.6', figures: [16] }, failOn: 'never' },
)

const most = platform.medianOf('native', 'docker', 'lxc', 'qemu', 'firecracker', 'cloud-hypervisor')

finding(
  18,
  'Kata does significantly worse at memcached than its network and memory would suggest',
  [
    part('Kata is significantly worse than most', [operations.on('kata').worseThan(most, { by: '1.18x' })], {
      quote: 'a score significantly lower than most of the other platforms',
      margins: 'significantly: 15 % or more below the median of most',
    }),
    part(
      'its network and memory are not worse than those of QEMU',
      [
        expect(network.bandwidth).where({ to: 'guest' }).on('kata').notWorseThan('qemu', 9),
        expect(copying.plain).on('kata').notWorseThan('qemu', 9),
      ],
      {
        quote: 'the microbenchmarks of network and memory for Kata containers would not suggest',
        margins: 'no suggestion: not worse than QEMU by a penalty of 9 %; one-sided. QEMU is the hypervisor of Kata',
      },
    ),
  ],
  { source: { ...paper, section: '3.6', figures: [16] } },
)

/**
 * The cause is tested by ablation: if gVisor on the host's network stack is no faster, the network is not the cause.
 */
finding(
  19,
  "gVisor's poor score at memcached comes from its network",
  [
    part('gVisor is poor at memcached', [operations.on('gvisor').worseThan(most, { by: '2x' })], {
      quote: 'The gVisor Memcached score, although poor',
      margins: 'poor: an outlier, at most half of the median of most',
    }),
    part(
      'its network is the cause',
      [
        operations.on('gvisor').worseThan('gvisor-hostnet', { by: '1.25x' }),
        expect(network.bandwidth)
          .where({ to: 'guest' })
          .on(platform.named('docker', 'lxc', 'kata', 'qemu', 'firecracker', 'cloud-hypervisor', 'osv'))
          .betterThan('gvisor'),
      ],
      {
        quote: 'can be attributed to its network performance',
        margins:
          'a cause: gVisor with the network of the host is better by 1.25, and every other platform has a better ' +
          'network',
      },
    ),
  ],
  { source: { ...paper, section: '3.6', figures: [16] } },
)
