import { cpus } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitMemory, withDaemons } from '../../../src/host/cgroup-memory.ts'

const MiB = 1024 ** 2
/** MEMCG_CHARGE_BATCH pages per CPU. */
const resolution = 64 * 4096 * cpus().length
const fields = (object: Record<string, number>) => new Map(Object.entries(object))

/** As Linux 6.18 prints them for a gVisor guest, in the hierarchies of both versions. */
const v1 = fields({ rss: 1, cache: 2, total_rss: 8 * MiB, total_cache: 7 * MiB, total_shmem: 6 * MiB })
const v2 = fields({ anon: 8 * MiB, file: 7 * MiB, shmem: 6 * MiB, kernel: 2 * MiB, slab: 1 * MiB })

describe('the memory of a cgroup', () => {
  it('is split by kind, with the children of version 1 and page cache apart from shared memory', () => {
    const split = { total: 17 * MiB, anonymous: 8 * MiB, shared: 6 * MiB, pageCache: MiB, kernel: 2 * MiB }
    expect(splitMemory(v1, 2 * MiB)).toEqual(split)
    expect(splitMemory(v2)).toEqual(split)
  })

  it('has the kernel memory of kernels that list only its parts', () => {
    const old = fields({ anon: 0, file: 0, shmem: 0, slab: 3000, kernel_stack: 16384, percpu: 500 })
    expect(splitMemory(old)).toMatchObject({ kernel: 19884, total: 19884 })
  })

  it('has no kernel memory, rather than 0, if the kernel does not account for it', () => {
    for (const kernel of [undefined, 0, Number.NaN, -1]) {
      const memory = splitMemory(v1, kernel)!
      expect(Object.keys(memory)).not.toContain('kernel')
      expect(memory.total).toBe(15 * MiB)
    }
    expect(splitMemory(fields({ anon: 5, file: 0, shmem: 0 }))).toEqual({
      total: 5,
      anonymous: 5,
      shared: 0,
      pageCache: 0,
    })
  })

  it('is unknown if a field is missing or is no number of bytes', () => {
    expect(splitMemory(new Map())).toBeUndefined()
    for (const name of ['total_rss', 'total_cache', 'total_shmem']) {
      expect(splitMemory(new Map([...v1].filter(([other]) => other !== name)), MiB)).toBeUndefined()
      for (const bad of [Number.NaN, -4096, Infinity, 2 ** 60, 0.5])
        expect(splitMemory(new Map([...v1, [name, bad]]), MiB)).toBeUndefined()
    }
  })

  it('is never negative, whatever the kernel prints', () => {
    fc.assert(
      fc.property(fc.record({ anon: fc.nat(), file: fc.nat(), shmem: fc.nat(), kernel: fc.nat() }), (given) => {
        const read = () => splitMemory(fields(given))!
        if (given.shmem - given.file > resolution) {
          expect(read).toThrow('contradicts itself')
          return
        }
        const { total, pageCache, anonymous, shared, kernel = 0 } = read()
        expect(pageCache).toBeGreaterThanOrEqual(0)
        expect(total).toBe(anonymous + shared + pageCache + kernel)
        expect(total).toBe(given.anon + given.file + given.kernel)
      }),
    )
  })

  it('has what the kernel counted if shared memory is ahead of the cache by less than it adds up later', () => {
    const given = { anon: MiB, file: 6 * MiB, shmem: 6 * MiB + 4096, kernel: MiB }
    expect(splitMemory(fields(given))).toEqual({
      total: 8 * MiB,
      anonymous: MiB,
      shared: 6 * MiB,
      pageCache: 0,
      kernel: MiB,
    })
    expect(() => splitMemory(fields({ ...given, shmem: 6 * MiB + resolution + 1 }))).toThrow('contradicts itself')
  })
})

describe('the memory of a guest', () => {
  const own = { total: 100, anonymous: 100, shared: 0, pageCache: 0 }

  it('includes the growth of daemons, and none if they have shrunk', () => {
    expect(withDaemons(own, [30, -10])).toEqual({ ...own, total: 120, daemons: 20 })
    expect(withDaemons(own, [-10])).toEqual({ ...own, daemons: 0 })
  })

  it('has no daemons if none serves it', () => {
    expect(Object.keys(withDaemons(own, []))).not.toContain('daemons')
  })
})
