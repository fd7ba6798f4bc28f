import { bench, expect, higher, lower, workload } from 'isobench'
import { memcached } from 'isobench/tools'

const port = 11211

/**
 * memcached in the guest under load from isobench's client: the place of the paper's Fig. 16 (§3.6), but not its load. The
 * paper drives it with YCSB's workload A, half reads and half updates of zipfian keys; Debian has no YCSB, and memcaslap
 * does one set to nine gets of uniform keys. So the figures say how platforms compare under a cache's load, and are not to
 * be set beside the paper's.
 *
 * Values of 1000 bytes, as YCSB's ten fields of 100; 16 connections, each with one request in flight. The paper's server has
 * 16 threads, here as many as the guest has CPUs. With one CPU for the client it may be the client that limits.
 */
const cache = workload('memcached under memcaslap', {
  metrics: { throughput: higher('ops/s'), mean: lower('us') },
  async run({ guest, client, seconds, cpus }) {
    await using server = await guest.serve(memcached.server({ port, memory: 256, threads: cpus }), { port })
    const load = { threads: 1, concurrency: 16, valueSize: 1000, seconds: Math.max(2, Math.ceil(seconds)) }
    const { stdout } = await client.exec(memcached.client({ host: server.address, port, ...load }))
    const { operationsPerSecond, meanUs } = memcached.parse(stdout)
    return { throughput: operationsPerSecond, mean: meanUs }
  },
})

export const keyValue = bench('memcached', cache, {
  tags: ['app', 'network'],
  expect: { throughput: expect.warn.withinNative(25) },
})
