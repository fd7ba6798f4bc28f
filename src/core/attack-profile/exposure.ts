import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { TraceSource } from '../../dsl/traced.ts'
import { kernelNameOf } from '../../host/syscall-names.ts'
import type { CallCounts } from '../../tracing/call-counts.ts'
import { readOwnFile, writeFileAtomic } from '../../util/files.ts'
import { type CveLocation, EpssError, type EpssScores, functionsInFile } from './epss-input.ts'
import { affectedSchema, affectsKernel, type KernelCve } from './kernel-cves.ts'
import type { AttackProfileSummary } from './summary.ts'

/**
 * How exploitable the functions are that an attack profile reaches: EPSS scores (first.org/epss) of the CVEs in them.
 * The record of a run has only calls, so new scores apply to old records.
 */

const epssDataSchema = z.object({
  version: z.literal(1),
  source: z.object({
    model: z.string().nullable(),
    date: z.string().nullable(),
    scores: z.string(),
    map: z.string().nullable(),
    sources: z.string().nullable(),
    kernelCves: z.number().nullable(),
  }),
  cves: z.array(
    z.object({
      cve: z.string(),
      epss: z.number().min(0).max(1),
      functions: z.array(z.string()),
      affected: affectedSchema.optional(),
    }),
  ),
  functions: z.array(z.string()),
})

/**
 * The EPSS data of a project. `source` has the model and date of the scores, the SHA-256 of each file, and the number
 * of kernel CVE records. `cves` has the CVEs with a score and a place, by canonical function names. `functions` has the
 * functions about which the files say something, also those without a CVE.
 */
export type EpssData = Omit<z.infer<typeof epssDataSchema>, 'version'>

const fileOf = (root: string) => join(root, '.isobench', 'epss.json')

/** Saves the data in place of earlier data, and returns the file. */
export function saveEpss(root: string, data: EpssData): string {
  const file = fileOf(root)
  writeFileAtomic(file, `${JSON.stringify({ version: 1, ...data })}\n`)
  return file
}

/** Reads the project's data, or returns undefined if none were imported. @throws {EpssError} if the file is damaged */
export function readEpss(root: string): EpssData | undefined {
  const file = fileOf(root)
  if (!existsSync(file)) return undefined
  try {
    const { version: _, ...data } = epssDataSchema.parse(JSON.parse(readOwnFile(file)))
    return data
  } catch {
    throw new EpssError(`${file} is damaged`, 'create it again: isobench epss import')
  }
}

/** The name that a system call's function has in the sources, without the prefix of an architecture's wrapper. */
export const canonicalFunctionName = (name: string): string =>
  name.replace(/^__(?:x64|ia32|arm64|s390x|riscv|do|se)_(?=(?:compat_)?sys_)/, '').replace(/[.#].*$/, '')

/** What an import joins, and what it could not use: places of CVEs without a score, and files without functions. */
export interface JoinedEpss {
  readonly cves: EpssData['cves']
  readonly functions: readonly string[]
  readonly unscored: readonly string[]
  readonly unknownFiles: readonly string[]
}

/** Joins scores, places and kernel CVE records. Each CVE is one entry, however many places it has. */
export function joinEpss(
  { byCve }: Pick<EpssScores, 'byCve'>,
  locations: readonly CveLocation[],
  sources: ReadonlyMap<string, readonly string[]>,
  kernelCves: readonly KernelCve[],
): JoinedEpss {
  const inFile = functionsInFile(sources)
  const places = new Map<string, Set<string>>()
  const [unscored, unknownFiles] = [new Set<string>(), new Set<string>()]
  const place = (cve: string, names: readonly string[]) => {
    if (!byCve.has(cve)) unscored.add(cve)
    const known = places.get(cve) ?? new Set()
    for (const name of names) known.add(canonicalFunctionName(name))
    places.set(cve, known)
  }
  const functionsOf = (file: string): readonly string[] => {
    const names = inFile(file)
    if (names.length === 0) unknownFiles.add(file)
    return names
  }
  for (const { cve, function: name, file } of locations) place(cve, name === undefined ? functionsOf(file!) : [name])
  const affected = new Map(kernelCves.map((one) => [one.cve, one.affected]))
  const named = new Set(locations.flatMap((one) => (one.function === undefined ? [] : one.cve)))
  for (const { cve, files } of kernelCves) {
    // A map that names the function of a CVE is more precise than the files of its record.
    if (!named.has(cve)) place(cve, files.flatMap(functionsOf))
  }
  const cves = [...places]
    .filter(([cve, names]) => byCve.has(cve) && names.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([cve, names]) => {
      const versions = affected.get(cve)
      return { cve, epss: byCve.get(cve)!, functions: [...names].sort(), ...(versions && { affected: versions }) }
    })
  const functions = [...sources.values()].flat().map(canonicalFunctionName)
  return {
    cves,
    functions: [...new Set([...functions, ...cves.flatMap((one) => one.functions)])].sort(),
    unscored: [...unscored].sort(),
    unknownFiles: [...unknownFiles].sort(),
  }
}

/** How exploitable the functions of a profile are. */
export interface Exposure {
  /** The CVEs of the kernel that are in a function of the profile, the highest score first. */
  readonly cves: readonly { readonly cve: string; readonly epss: number }[]
  /**
   * The sum of their scores: how many of them are expected to be exploited somewhere in the next 30 days. The mean of a
   * sum is the sum of the means, also if exploits depend on each other. Null if the data do not cover any function.
   */
  readonly expected: number | null
  /** How many functions of the profile the data cover, and how many there are. */
  readonly covered: number
  readonly total: number
}

/**
 * Returns the exposure of a profile's names. A system call counts as its function `sys_…`, also that of a 32-bit
 * program. CVEs that the kernel does not have are left out.
 * @param kernel version of the traced host's kernel, as `uname -r` prints it
 */
export function exposureOf(
  calls: CallCounts,
  { cves, functions }: Pick<EpssData, 'cves' | 'functions'>,
  by: TraceSource,
  kernel: string,
): Exposure {
  const names = new Set(
    Object.keys(calls).map((name) =>
      by === 'syscalls' ? `sys_${kernelNameOf(name.replace(/^.*:/, ''))}` : canonicalFunctionName(name),
    ),
  )
  const known = new Set(functions)
  const reached = cves
    .filter((one) => one.functions.some((name) => names.has(name)))
    .filter(({ affected }) => affected === undefined || affectsKernel(affected, kernel) !== false)
    .map(({ cve, epss }) => ({ cve, epss }))
    .sort((a, b) => b.epss - a.epss || (a.cve < b.cve ? -1 : 1))
  const covered = [...names].filter((name) => known.has(name)).length
  return {
    cves: reached,
    expected: covered === 0 ? null : reached.reduce((sum, { epss }) => sum + epss, 0),
    covered,
    total: names.size,
  }
}

/** The largest difference of coverage at which two platforms' exposures are compared: a tenth of the names. */
const comparableCoverage = 0.1

/** Returns whether the data cover alike parts of all these profiles. Otherwise a lower sum can be missing data. */
export function coverageIsAlike(exposures: readonly Exposure[]): boolean {
  const shares = exposures.filter(({ total }) => total > 0).map(({ covered, total }) => covered / total)
  return shares.length < 2 || Math.max(...shares) - Math.min(...shares) <= comparableCoverage
}

/** Profiles with their exposures. Without EPSS data, `epss` is null and the profiles have no `exposure`. */
export interface ExposedProfiles {
  readonly epss: (EpssData['source'] & { readonly kernel: string }) | null
  readonly profiles: readonly (AttackProfileSummary & { readonly exposure?: Exposure })[]
}

/** Applies a project's EPSS data to the work of each profile, by the names that every round reached. */
export function withExposure(
  profiles: readonly AttackProfileSummary[],
  data: EpssData | undefined,
  kernel: string,
): ExposedProfiles {
  if (!data) return { epss: null, profiles }
  return {
    epss: { ...data.source, kernel },
    profiles: profiles.map((profile) => ({
      ...profile,
      exposure: exposureOf(profile.work, data, profile.source, kernel),
    })),
  }
}
