import type { Claim } from '../../dsl/claim.ts'
import type { Location } from '../../dsl/errors.ts'
import type { Metrics } from '../../dsl/metric.ts'
import type { FindingSpec } from '../../dsl/registry.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import type { Lifecycle, ParamSpace, Workload } from '../../dsl/workload.ts'
import { IsobenchError } from '../../util/errors.ts'
import { groupBy } from '../../util/group-by.ts'
import { visibleName } from '../../util/names.ts'
import type { BenchInfo } from './claim.ts'

export type WorkKind = Workload['work']['kind']

/** A bench as plain data. */
export interface BenchData {
  /** `<file>#<name>`, with the file relative to the project. */
  readonly id: string
  readonly file: string
  readonly name: string
  readonly mode: 'run' | 'only' | 'skip' | 'todo'
  readonly tags: readonly string[]
  readonly params: ParamSpace
  /** Parameters of profiles with other values. */
  readonly profiles?: Readonly<Record<string, ParamSpace>>
  readonly metrics: Metrics
  readonly workload: {
    readonly name: string
    readonly kind: WorkKind
    readonly lifecycle: Lifecycle
    /** The trace source of a traced workload. */
    readonly traced?: TraceSource
  }
  /** Seconds; the profile's when left out. */
  readonly timeout?: number
  /** Metrics that reports also show in a column of the benches with a tag. */
  readonly beside?: { readonly tag: string; readonly metrics: readonly string[] }
  /** Of the compiled bench file: part of what makes samples comparable. */
  readonly digest: string
  readonly claims: readonly Claim[]
  readonly location?: Location
}

/** The id of a bench: `<file>#<name>`. */
export const benchId = (file: string, name: string): string => `${file}#${name}`

/**
 * The parts of a bench that a plan does not have, so that its id is all that is known. For every other bench use the
 * fields of its `BenchData`.
 */
export function benchInfo(id: string, benches: readonly BenchData[]): BenchInfo {
  const known = benchById(benches, id)
  if (known) return infoOf(known, benches)
  const at = id.indexOf('#')
  return at < 0 ? { id, file: id, name: id } : { id, file: id.slice(0, at), name: id.slice(at + 1) }
}

/**
 * A bench as people read it. If benches of other files have the same name, or one that looks alike, the name says the
 * file as filters take it: `startup (net/boot)`.
 */
export function infoOf({ id, file, name }: BenchData, benches: readonly BenchData[]): BenchInfo {
  const isShared = indexOf(benches)
    .byVisibleName.get(visibleName(name))
    ?.some((other) => other.id !== id)
  return { id, file, name: isShared ? `${name} (${shortFile(file)})` : name }
}

/** The benches of one list. */
interface BenchIndex {
  readonly byId: ReadonlyMap<string, BenchData>
  readonly byVisibleName: ReadonlyMap<string, readonly BenchData[]>
}

const indexes = new WeakMap<readonly BenchData[], BenchIndex>()

/** The index of a list, made once: a plan may have thousands of benches, and each of its steps asks for one. */
function indexOf(benches: readonly BenchData[]): BenchIndex {
  let index = indexes.get(benches)
  if (!index) {
    index = {
      byId: new Map(benches.map((bench) => [bench.id, bench])),
      byVisibleName: groupBy(benches, ({ name }) => visibleName(name)),
    }
    indexes.set(benches, index)
  }
  return index
}

/** The bench of an id in a list that nobody changes. */
export const benchById = (benches: readonly BenchData[], id: string): BenchData | undefined =>
  indexOf(benches).byId.get(id)

/** A bench file as shortly as filters allow. */
export const shortFile = (file: string): string => file.replace(/^benches\//, '').replace(/\.bench\.[cm]?[jt]s$/, '')

/** A finding and the bench file that states it. */
export interface FindingData extends FindingSpec {
  readonly file: string
}

/** The claims of all parts of a finding, in their order. */
export const claimsOf = ({ parts }: Pick<FindingData, 'parts'>): Claim[] => parts.flatMap(({ claims }) => claims)

/** All claims of a finding, with those of its printed wording. */
export const claimsOfFinding = ({ parts, misprint }: Pick<FindingData, 'parts' | 'misprint'>): Claim[] => [
  ...claimsOf({ parts }),
  ...(misprint?.claims ?? []),
]

/** All that the bench files say. */
export interface Suite {
  readonly benches: readonly BenchData[]
  readonly findings: readonly FindingData[]
  /** Files and benches that cannot be used; the others can. */
  readonly problems: readonly Problem[]
}

/** A bench file or the config that isobench could not use: what is wrong, where, and how to fix it. */
export interface Problem {
  /** Relative to the project. */
  readonly file: string
  readonly message: string
  readonly fix?: string
  readonly location?: Location
  /** The text at the location that is wrong. */
  readonly word?: string
}

/** The config, or every bench file that was asked for, cannot be used. */
export class ProjectError extends IsobenchError {
  readonly code = 'ISOBENCH_DEFINITION'

  /** @param root the folder of the project, which the files of the problems are relative to */
  constructor(
    readonly problems: readonly Problem[],
    readonly root: string,
  ) {
    super(problems.map(({ message }) => message).join('; '))
  }
}
