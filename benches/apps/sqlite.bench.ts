import { bench, expect, higher, lower, workload } from 'isobench'
import { sqlite } from 'isobench/tools'
import { places, rootAt } from './place.ts'

/**
 * Inserts rows into an SQLite database, each in a transaction that waits for the disk. On `data` this measures fsync,
 * and on `tmpfs` everything else. A platform that is faster than native on `data` may not pass fsync to the disk.
 */
const inserts = workload('SQLite inserts', {
  metrics: { throughput: higher('transactions/s'), p50: lower('us'), p99: lower('us') },
  params: { on: places },
  async run({ guest, seconds, params: { on } }) {
    const { stdout } = await guest.exec(sqlite.insert({ folder: rootAt(on, guest), seconds }))
    const { insertsPerSecond, p50Us, p99Us } = sqlite.parse(stdout)
    return { throughput: insertsPerSecond, p50: p50Us, p99: p99Us }
  },
})

bench('SQLite inserts', inserts, {
  tags: ['app', 'io', 'slow'],
  expect: { throughput: expect.warn.withinNative(50) },
})
