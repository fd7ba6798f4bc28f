import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { globSync } from 'tinyglobby'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const layers = [
  'util',
  'tools',
  'dsl',
  'host',
  'tracing',
  'driver',
  'vm',
  'platforms',
  'core/stats',
  'core/model',
  'core/reporter',
  'core/judge',
  'core/records',
  'core/attack-profile',
  'core/project',
  'core/session',
  'core/measure',
  'core/watch',
  'conformance',
  'reporters',
  'commands',
  'root',
] as const
type Layer = (typeof layers)[number]

/** What each layer may import beside itself. Type imports and dynamic imports count. */
const allowed: Record<Layer, readonly Layer[]> = {
  util: [],
  tools: [],
  dsl: ['tools', 'util'],
  host: ['util', 'dsl', 'tools'],
  tracing: ['util', 'dsl', 'host'],
  driver: ['util', 'dsl', 'host'],
  vm: ['util', 'dsl', 'host', 'driver'],
  platforms: ['util', 'dsl', 'host', 'driver', 'vm'],
  'core/stats': [],
  'core/model': ['util', 'dsl', 'tools', 'core/stats'],
  'core/reporter': ['util', 'core/model'],
  'core/judge': ['util', 'dsl', 'core/stats', 'core/model'],
  'core/records': ['util', 'dsl', 'host', 'core/stats', 'core/model', 'core/judge'],
  'core/attack-profile': ['util', 'dsl', 'host', 'tracing', 'core/stats', 'core/model', 'core/records'],
  'core/project': ['util', 'dsl', 'host', 'driver', 'core/stats', 'core/model', 'core/records'],
  'core/session': ['util', 'dsl', 'host', 'tracing', 'driver', 'vm', 'core/model', 'core/project', 'core/records'],
  'core/measure': [
    'util',
    'dsl',
    'tools',
    'host',
    'tracing',
    'driver',
    'vm',
    'core/stats',
    'core/model',
    'core/reporter',
    'core/judge',
    'core/records',
    'core/attack-profile',
    'core/project',
    'core/session',
  ],
  'core/watch': [
    'util',
    'dsl',
    'host',
    'driver',
    'core/stats',
    'core/model',
    'core/reporter',
    'core/judge',
    'core/records',
    'core/attack-profile',
    'core/project',
    'core/session',
    'core/measure',
  ],
  conformance: ['util', 'dsl', 'host', 'driver', 'vm', 'core/project', 'core/session', 'core/measure'],
  reporters: [
    'util',
    'dsl',
    'core/stats',
    'core/model',
    'core/reporter',
    'core/judge',
    'core/records',
    'core/attack-profile',
  ],
  commands: layers.filter((layer) => layer !== 'root' && layer !== 'commands'),
  root: layers.filter((layer) => layer !== 'root'),
}

const rootFiles = ['bin', 'cli', 'driver-api', 'in-guest', 'index', 'node', 'reporter']

function layerOf(file: string): Layer | undefined {
  const path = file.replace(/^src\//, '')
  if (path === 'driver.ts') return 'driver'
  if (path === 'core/reporter.ts') return 'core/reporter'
  if (rootFiles.some((name) => path === `${name}.ts`)) return 'root'
  return layers.find((layer) => path.startsWith(`${layer}/`))
}

/** Every import of every file: type imports, re-exports and dynamic imports too. */
const graph = new Map(
  globSync('src/**/*.ts').map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true)
    const ours = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'))
    return [file, ours.map((name) => join(dirname(file), name))] as const
  }),
)

function violations(edges: Iterable<readonly [string, readonly string[]]>): string[] {
  return [...edges].flatMap(([file, imports]) => {
    const from = layerOf(file)!
    return imports
      .filter((path) => {
        const to = layerOf(path)!
        return to !== from && !allowed[from].includes(to)
      })
      .map((path) => `${file} -> ${path}`)
  })
}

/** The files that import themselves through others, a path each. */
function circles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) found.push([...path.slice(at), file].join(' -> '))
    if (at >= 0 || done.has(file)) return
    for (const next of edges.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
  return found
}

describe('imports between layers', () => {
  it('belong to a layer each', () => {
    expect([...graph.keys()].filter((file) => layerOf(file) === undefined)).toEqual([])
    expect(new Set([...graph.keys()].map(layerOf)).size).toBe(layers.length)
  })

  it('go only where the table allows', () => {
    expect(violations(graph)).toEqual([])
  })

  it('go one way: no layer reaches itself through another', () => {
    expect(circles(new Map(layers.map((layer) => [layer, allowed[layer]])))).toEqual([])
  })

  it('form no circle of files', () => {
    expect(circles(graph)).toEqual([])
  })

  it.each([
    ['src/dsl/bench.ts', 'src/host/process.ts'],
    ['src/tools/fio.ts', 'src/dsl/metric.ts'],
    ['src/core/stats/normal.ts', 'src/core/judge/judge.ts'],
    ['src/core/session/session.ts', 'src/platforms/runc.ts'],
    ['src/core/judge/judge.ts', 'src/reporters/format.ts'],
    ['src/core/measure/run-loop.ts', 'src/commands/run.ts'],
    ['src/platforms/runc.ts', 'src/core/session/environment.ts'],
    ['src/host/sandbox.ts', 'src/driver.ts'],
    ['src/reporters/json.ts', 'src/core/measure/measure-project.ts'],
    ['src/commands/run.ts', 'src/cli.ts'],
  ])('%s must not import %s', (file, path) => {
    expect(violations([[file, [path]]])).toHaveLength(1)
  })

  it('finds a circle', () => {
    expect(
      circles(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['a']],
        ]),
      ),
    ).toHaveLength(1)
  })
})
