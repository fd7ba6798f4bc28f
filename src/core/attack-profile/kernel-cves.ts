import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { messageOf, UsageError } from '../../util/errors.ts'
import { readablePath } from '../../util/inputs.ts'
import { withoutBom } from '../../util/text.ts'
import { EpssError } from './epss-input.ts'

/**
 * The kernel's own CVE records, as the Linux CNA publishes them (git.kernel.org, `security/vulns`, and
 * github.com/CVEProject/cvelistV5): the source files of each CVE, and the kernel versions that it affects. The format
 * is the CVE Record Format 5, github.com/CVEProject/cve-schema.
 */

const rangeSchema = z.object({
  version: z.string(),
  lessThan: z.string().optional(),
  lessThanOrEqual: z.string().optional(),
  status: z.enum(['affected', 'unaffected', 'unknown']),
  versionType: z.string().optional(),
})

const recordSchema = z.object({
  cveMetadata: z.object({ cveId: z.string(), state: z.string() }),
  containers: z.object({
    cna: z.object({
      affected: z
        .array(
          z.object({
            product: z.string().optional(),
            defaultStatus: z.enum(['affected', 'unaffected', 'unknown']).default('unknown'),
            programFiles: z.array(z.string()).optional(),
            versions: z.array(rangeSchema).default([]),
          }),
        )
        .default([]),
    }),
  }),
})

/** The kernel versions that a CVE affects: the status of all versions, and ranges with another status. */
export const affectedSchema = z.object({
  otherwise: z.enum(['affected', 'unaffected', 'unknown']),
  ranges: z.array(rangeSchema.omit({ versionType: true })),
})
export type AffectedVersions = z.infer<typeof affectedSchema>

/** A CVE of the kernel, from its record. */
export interface KernelCve {
  readonly cve: string
  /** Source files, from the top of the kernel's sources. */
  readonly files: readonly string[]
  readonly affected: AffectedVersions
}

/**
 * Reads all records of a folder and its subfolders, without those of rejected CVEs and of other products.
 * @throws {EpssError} that names a file which is no such record
 */
export function readKernelCves(folder: string): KernelCve[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`there is no folder ${folder}`)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?:^|\/)CVE-\d{4}-\d{4,}\.json$/.test(name))
    .sort()
  if (files.length === 0)
    throw new EpssError(`${folder} has no CVE records`, 'it must contain files such as CVE-2024-26581.json')
  return files.flatMap((name) => {
    const file = join(folder, name)
    try {
      return parseKernelCve(JSON.parse(withoutBom(readFileSync(readablePath(file), 'utf8')))) ?? []
    } catch (error) {
      const [issue] = error instanceof z.ZodError ? error.issues : []
      const why = issue ? `${issue.path.join('.')}: ${issue.message}` : messageOf(error).split('\n')[0]
      throw new EpssError(`${file} is no CVE record: ${why}`, 'remove it, or download it again: it may be incomplete')
    }
  })
}

/**
 * Returns the CVE of a record, or undefined if it was rejected, or is of another product.
 * @throws {z.ZodError} if it is no record
 */
export function parseKernelCve(json: unknown): KernelCve | undefined {
  const { cveMetadata, containers } = recordSchema.parse(json)
  if (cveMetadata.state !== 'PUBLISHED') return undefined
  // CVEProject has the records of all products, and other products have files of the same names.
  const affected = containers.cna.affected.filter(({ product = 'Linux' }) => product === 'Linux')
  if (affected.length === 0) return undefined
  // Ranges of commits say the same as ranges of versions, and need the kernel's history.
  const byVersion = affected.filter(({ versions }) => versions.some(({ versionType }) => versionType !== 'git'))
  return {
    cve: cveMetadata.cveId,
    files: [...new Set(affected.flatMap(({ programFiles = [] }) => programFiles))].sort(),
    affected: {
      otherwise: byVersion[0]?.defaultStatus ?? 'unknown',
      ranges: byVersion.flatMap(({ versions }) => versions.map(({ versionType: _, ...range }) => range)),
    },
  }
}

/** Major, minor and patch number, and the release candidate. A release sorts after its candidates. */
type Version = readonly [major: number, minor: number, patch: number, candidate: number]

const last = Number.POSITIVE_INFINITY

/** Parses `6.12.117+deb13-amd64`, `6.8-rc4`, `6.1.*` and `*`. A star is above every number in its place. */
function parseVersion(text: string): Version | undefined {
  const match = /^(\d+|\*)(?:\.(\d+|\*))?(?:\.(\d+|\*))?(?:[^-]*-rc(\d+))?/.exec(text)
  if (!match) return undefined
  const [, major, minor, patch, candidate] = match
  const star = [major, minor, patch].includes('*')
  const part = (value: string | undefined) =>
    value === '*' || (value === undefined && star) ? last : Number(value ?? 0)
  return [part(major), part(minor), part(patch), candidate === undefined ? last : Number(candidate)]
}

function compareVersions(a: Version, b: Version): number {
  for (const [index, own] of a.entries()) if (own !== b[index]) return own < b[index]! ? -1 : 1
  return 0
}

/**
 * Returns whether a kernel has a CVE: true, false, or undefined if the record does not say. Distributions also fix CVEs
 * without a new upstream version, so true means "unless the distribution has fixed it".
 * @param kernel version as `uname -r` prints it
 */
export function affectsKernel({ otherwise, ranges }: AffectedVersions, kernel: string): boolean | undefined {
  const own = parseVersion(kernel)
  const contains = ({ version, lessThan, lessThanOrEqual }: AffectedVersions['ranges'][number]) => {
    const [from, below, upTo] = [version, lessThan, lessThanOrEqual].map((text) => parseVersion(text ?? ''))
    if (!own || !from || compareVersions(own, from) < 0) return false
    if (below) return compareVersions(own, below) < 0
    return compareVersions(own, upTo ?? from) <= 0
  }
  const status = ranges.find((range) => range.status !== otherwise && contains(range))?.status ?? otherwise
  return own && status !== 'unknown' ? status === 'affected' : undefined
}
