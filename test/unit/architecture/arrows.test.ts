import { build } from 'esbuild'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'

/** What a file imports at run time: types do not show up. By path, as `src/…`. */
type Graph = Readonly<Record<string, readonly string[]>>

async function graph(): Promise<Graph> {
  const { metafile } = await build({
    entryPoints: globSync('src/{dsl,tools,core,platforms,guest,reporters}/**/*.ts').concat('src/index.ts'),
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    outdir: 'unused',
    logLevel: 'silent',
  })
  const files = Object.entries(metafile.inputs)
  return Object.fromEntries(
    files.map(([file, { imports }]) => [file, imports.flatMap(({ path, external }) => (external ? [] : [path]))]),
  )
}

/** Files of `from` may import nothing of ours but what matches `to`. */
const onlyWithin: [string, RegExp][] = [
  ['src/dsl/', /^src\/dsl\//],
  ['src/tools/', /^src\/tools\//],
  ['src/core/stats/', /^src\/core\/stats\//],
  ['src/core/', /^src\/(?!reporters\/|platforms\/(?!driver\.ts$)|commands\/|cli\.ts$)/],
  ['src/platforms/', /^src\/(?!core\/|reporters\/|commands\/|cli\.ts$)/],
  ['src/guest/', /^src\/(?!core\/|reporters\/|commands\/|cli\.ts$)/],
]

const violations = (graph: Graph, from: string, to: RegExp) =>
  Object.entries(graph)
    .filter(([file]) => file.startsWith(from))
    .flatMap(([file, imports]) => imports.filter((path) => !to.test(path)).map((path) => `${file} → ${path}`))

describe('the arrows between the folders', async () => {
  const real = await graph()

  it.each(onlyWithin)('from %s lead only to %s', (from, to) => {
    expect(Object.keys(real).some((file) => file.startsWith(from))).toBe(true)
    expect(violations(real, from, to)).toEqual([])
  })

  it.each([
    ['src/dsl/bench.ts', 'src/errors.ts'],
    ['src/tools/fio.ts', 'src/dsl/metric.ts'],
    ['src/core/stats/normal.ts', 'src/core/judge/judge.ts'],
    ['src/core/session.ts', 'src/platforms/runc.ts'],
    ['src/core/session.ts', 'src/platforms/index.ts'],
    ['src/core/session.ts', 'src/reporters/text.ts'],
    ['src/platforms/runc.ts', 'src/core/environment.ts'],
    ['src/guest/place.ts', 'src/reporters/text.ts'],
  ])('would be found broken by %s importing %s', (file, path) => {
    expect(onlyWithin.flatMap(([from, to]) => violations({ [file]: [path] }, from, to))).not.toEqual([])
  })
})
