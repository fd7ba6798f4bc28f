import { visibleName } from '../util/names.ts'
import type { BenchSpec } from './registry.ts'

/** Benches by what a reader sees of their names, and how many of a registry are there. */
interface NameIndex {
  readonly byVisibleName: Map<string, BenchSpec[]>
  size: number
}

/** The built-in class: a bench file may replace it before it registers a bench. */
const NativeMap = Map

const indexes = new WeakMap<readonly BenchSpec[], NameIndex>()

/** The benches of a registry with this name, or with one that looks alike, in their order. */
export function namesakesOf(name: string, benches: readonly BenchSpec[]): readonly BenchSpec[] {
  const index = indexes.get(benches) ?? { byVisibleName: new NativeMap(), size: 0 }
  indexes.set(benches, index)
  // Another copy of this module may have registered some.
  for (; index.size < benches.length; index.size++) {
    const bench = benches[index.size]!
    const visible = visibleName(bench.name)
    const alike = index.byVisibleName.get(visible)
    if (alike) alike.push(bench)
    else index.byVisibleName.set(visible, [bench])
  }
  return index.byVisibleName.get(visibleName(name)) ?? []
}
