import { relative } from 'node:path'
import { parentPort } from 'node:worker_threads'
import type { Claim } from '../../dsl/claim.ts'
import { type DefinitionError, type Location, parseStackFrames } from '../../dsl/errors.ts'
import { type BenchSpec, collectRegistrations } from '../../dsl/registry.ts'
import { toText } from '../../util/errors.ts'
import type { BenchData, FindingData, Problem } from '../model/suite.ts'

/** A worker that imports compiled bench files. A file that hangs or exits ends only the worker. */

/** What the worker imports. */
export interface CollectJob {
  readonly root: string
  readonly files: readonly { readonly file: string; readonly output: string; readonly digest: string }[]
}

/** What the worker posts. */
export type CollectMessage =
  | { readonly kind: 'importing'; readonly file: string }
  | {
      readonly kind: 'collected'
      readonly file: string
      readonly benches: BenchData[]
      readonly findings: FindingData[]
      readonly problems: Problem[]
    }

process.setSourceMapsEnabled(true)

// The job is a message, not worker data, so that the worker starts while the files are compiled.
const { root, files } = await new Promise<CollectJob>((resolve) => parentPort!.once('message', resolve))

const post = (message: CollectMessage) => parentPort!.postMessage(message)
const inProject = (location: Location | undefined) => (location ? relative(root, location.file) : undefined)

/** JSON if possible. A bigint and a circular object are not. */
function asText(thrown: unknown): string {
  try {
    return JSON.stringify(thrown) ?? toText(thrown)
  } catch {
    return toText(thrown)
  }
}

function problem(file: string, error: unknown): Problem {
  const known = error as Partial<DefinitionError>
  const stack = error instanceof Error ? parseStackFrames(error.stack ?? '') : []
  const location =
    known?.location ?? stack.find((frame) => frame.file.startsWith(root) && !frame.file.includes('/node_modules/'))
  return {
    file,
    message: error instanceof Error ? error.message || error.name : `it threw ${asText(error)}`,
    ...(known?.fix !== undefined && { fix: known.fix }),
    ...(location && { location }),
  }
}

// A bench is registered by every file that imports it. It belongs to the file that defines it.
const fileOf = (bench: BenchSpec, importing: string) => inProject(bench.location) ?? importing

function benchData(bench: BenchSpec, file: string, digest: string, id: (name: string) => string): BenchData {
  const { workload } = bench
  return {
    id: id(bench.name),
    file,
    name: bench.name,
    mode: bench.mode,
    tags: bench.tags,
    params: bench.params,
    ...(Object.keys(bench.profiles).length > 0 && { profiles: bench.profiles }),
    metrics: workload?.metrics ?? {},
    workload: {
      name: workload?.name ?? '',
      kind: workload?.work.kind ?? 'commands',
      lifecycle: workload?.lifecycle ?? 'round',
      ...(workload?.traced && { traced: workload.traced.source }),
    },
    ...(bench.timeout !== undefined && { timeout: bench.timeout }),
    digest,
    claims: bench.claims.map((claim) => ({ ...claim, bench: id(claim.bench) })),
    ...(bench.location && { location: bench.location }),
  }
}

for (const { file, output, digest } of files) {
  post({ kind: 'importing', file })
  try {
    const { benches, findings, problems } = await collectRegistrations(() => import(output))
    const owner = new Map(benches.map((bench) => [bench.name, fileOf(bench, file)]))
    const id = (name: string) => `${owner.get(name) ?? file}#${name}`
    const named = (claim: Claim): Claim => ({ ...claim, bench: id(claim.bench) })
    post({
      kind: 'collected',
      file,
      benches: benches
        .filter((bench) => owner.get(bench.name) === file)
        .map((bench) => benchData(bench, file, digest, id)),
      findings: findings
        .filter(({ location }) => (inProject(location) ?? file) === file)
        .map(({ misprint, ...finding }) => ({
          ...finding,
          parts: finding.parts.map((one) => ({ ...one, claims: one.claims.map(named) })),
          ...(misprint && { misprint: { ...misprint, claims: misprint.claims.map(named) } }),
          file,
        })),
      problems: problems.map((error) => problem(file, error)),
    })
  } catch (error) {
    post({ kind: 'collected', file, benches: [], findings: [], problems: [problem(file, error)] })
  }
}
