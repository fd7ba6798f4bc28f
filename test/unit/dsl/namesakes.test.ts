import { expect, it, vi } from 'vitest'
import { type BenchData, benchInfo } from '../../../src/core/model/suite.ts'
import { namesakesOf } from '../../../src/dsl/namesakes.ts'
import type { BenchSpec } from '../../../src/dsl/registry.ts'

/** How often names are normalized, which is most of the time that it takes to find those that look alike. */
function normalized(work: () => void): number {
  const normalize = vi.spyOn(String.prototype, 'normalize')
  try {
    work()
    return normalize.mock.calls.length
  } finally {
    normalize.mockRestore()
  }
}

const names = Array.from({ length: 100 }, (_, at) => `bench ${at}`)

it('compares a new bench with all others by their names alone', () => {
  const benches: BenchSpec[] = []
  const register = (name: string) => {
    const found = namesakesOf(name, benches).map((one) => one.name)
    benches.push({ name } as BenchSpec)
    return found
  }
  expect(normalized(() => expect(names.flatMap(register)).toEqual([]))).toBeLessThanOrEqual(2 * names.length)
  expect(register('bench 7\u200b')).toEqual(['bench 7'])
  expect(register('bench 7')).toEqual(['bench 7', 'bench 7\u200b'])
})

it('names all benches of a plan without comparing each pair', () => {
  const benches = names.map((name) => ({ id: `a.bench.ts#${name}`, file: 'a.bench.ts', name }) as BenchData)
  const nameAll = () => expect(benches.map(({ id }) => benchInfo(id, benches).name)).toEqual(names)
  expect(normalized(nameAll)).toBeLessThanOrEqual(2 * names.length)
})
