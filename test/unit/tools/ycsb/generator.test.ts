import { describe, expect, it } from 'vitest'
import {
  fnvhash64,
  keyOf,
  recordOf,
  remainder,
  scrambledZipfian,
  seeded,
  theta,
  zipfianRank,
} from '../../../../src/tools/ycsb/keys.ts'
import { Latencies, operationsOf, type PhaseOptions } from '../../../../src/tools/ycsb/phase.ts'

/** The same hash by the book, in bigints. */
function fnvByTheBook(value: number): bigint {
  let hash = 0xcbf29ce484222325n
  for (let octet = 0n; octet < 8n; octet++) {
    hash ^= (BigInt(value) >> (8n * octet)) & 0xffn
    hash = BigInt.asUintN(64, hash * 1_099_511_628_211n)
  }
  const signed = BigInt.asIntN(64, hash)
  return signed < 0n ? -signed : signed
}

describe("YCSB's hash", () => {
  it('is FNV-1a of eight bytes, for small numbers and for ranks beyond 2^32', () => {
    const random = seeded(3)
    const values = [
      0,
      1,
      255,
      256,
      2 ** 32 - 1,
      2 ** 32,
      1e10,
      ...Array.from({ length: 500 }, () => zipfianRank(random)),
    ]
    for (const value of values) {
      const { high, low } = fnvhash64(value)
      expect((BigInt(high) << 32n) | BigInt(low), String(value)).toBe(fnvByTheBook(value))
      expect(BigInt(remainder({ high, low }, 67_108_864 - 1))).toBe(fnvByTheBook(value) % 67_108_863n)
    }
  })

  it('gives the keys that YCSB is known for', () => {
    expect([0, 1, 2].map(keyOf)).toEqual([
      'usertable-user6284781860667377211',
      'usertable-user8517097267634966620',
      'usertable-user1820151046732198393',
    ])
  })
})

describe('the scrambled zipfian chooser', () => {
  const records = 1000
  const draws = 400_000
  const choose = scrambledZipfian(records, seeded(1))
  const counts = new Array<number>(records).fill(0)
  for (let n = 0; n < draws; n++) counts[choose()]!++

  it('stays within the records', () => {
    expect(counts.length).toBe(records)
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(draws)
  })

  it('gives the most popular key 1/ζ(10^10, 0.99) = 3.78 % and what else hashes to it', () => {
    // A record has the shares of all the ranks that hash to it: about 1/records beside the most popular one's own.
    const most = remainder(fnvhash64(0), records)
    expect(counts.indexOf(Math.max(...counts))).toBe(most)
    expect(counts[most]! / draws).toBeGreaterThan(0.0378)
    expect(counts[most]! / draws).toBeLessThan(0.0378 + 0.003)
  })

  it('gives ranks 0 and 1 their shares, 2^-θ apart', () => {
    const random = seeded(2)
    const ranks = Array.from({ length: draws }, () => zipfianRank(random))
    const share = (rank: number) => ranks.filter((one) => one === rank).length / draws
    expect(share(0)).toBeCloseTo(1 / 26.469, 2.5)
    expect(share(1) / share(0)).toBeCloseTo(0.5 ** theta, 1.5)
    expect(Math.max(...ranks.slice(0, 100_000))).toBeLessThan(1e10)
    expect(Math.min(...ranks.slice(0, 100_000))).toBe(0)
  })

  it('reaches nearly every record, since a hash spreads the ranks', () => {
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(0.99 * records)
  })
})

describe('what the phases send', () => {
  const options: PhaseOptions = {
    phase: 'run',
    host: 'x',
    port: 1,
    connections: 1,
    records: 100,
    fields: { count: 10, length: 100 },
    reads: 0.5,
    distribution: 'zipfian',
    seconds: 1,
    seed: 7,
  }
  const textOf = (request: Uint8Array) => Buffer.from(request).toString('latin1')

  it('has records of ten fields of 100 bytes', () => {
    const fields = JSON.parse(recordOf(seeded(1), options.fields)) as Record<string, string>
    expect(Object.keys(fields)).toEqual(Array.from({ length: 10 }, (_, at) => `field${at}`))
    for (const value of Object.values(fields)) expect(value).toMatch(/^[\w-]{100}$/)
  })

  it('is half reads and half updates of records that the load phase stores, whole', () => {
    const load = operationsOf({ ...options, phase: 'load' }, seeded(7))
    const stored = new Set<string>()
    for (let intent = load(); intent; intent = load()) {
      const [, key, length, value] = /^set (\S+) 0 0 (\d+)\r\n(.*)\r\n$/.exec(textOf(intent.request))!
      expect(value).toHaveLength(Number(length))
      stored.add(key!)
    }
    expect(stored.size).toBe(100)
    const next = operationsOf(options, seeded(7))
    const draws = 4000
    let reads = 0
    const strange: string[] = []
    for (let n = 0; n < draws; n++) {
      const { operation, request } = next()!
      const [line] = textOf(request).split('\r\n')
      const [verb, key] = line!.split(' ')
      if (verb !== (operation === 'READ' ? 'get' : 'replace') || !stored.has(key!)) strange.push(line!)
      if (operation === 'READ') reads++
    }
    expect(strange).toEqual([])
    // Four standard deviations of a fair coin.
    expect(Math.abs(reads / draws - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / draws))
  })

  it('is the same for the same seed', () => {
    const some = (seed: number) => {
      const next = operationsOf(options, seeded(seed))
      return Array.from({ length: 50 }, () => textOf(next()!.request))
    }
    expect(some(5)).toEqual(some(5))
    expect(some(5)).not.toEqual(some(6))
  })
})

describe('latencies', () => {
  it('have exact percentiles, however many there are', () => {
    const latencies = new Latencies()
    for (let n = 100_000; n > 0; n--) latencies.add(n, 'OK')
    const { mean, least, most, at } = latencies.summary([50, 95, 99])
    expect({ mean, least, most, at }).toEqual({ mean: 50_000.5, least: 1, most: 100_000, at: [50_000, 95_000, 99_000] })
    expect(latencies.returns).toEqual({ OK: 100_000 })
    expect(() => new Latencies().summary([50])).toThrow(RangeError)
  })
})
