import { platformFamily } from '../../driver.ts'
import { compareFindingIds, type FindingId } from '../../dsl/finding-id.ts'
import { matchesSelector } from '../../dsl/platform.ts'
import { UsageError } from '../../util/errors.ts'
import { listText } from '../../util/text.ts'
import { claimsOfFinding, type Suite } from '../model/suite.ts'
import { namedPlatforms } from './check-names.ts'
import type { ResolvedPlatform } from './platforms.ts'

interface PlatformsOfRun {
  readonly all: readonly ResolvedPlatform[]
  readonly selected: readonly ResolvedPlatform[]
  readonly excluded: readonly ResolvedPlatform[]
}

/** What the command line asks for. */
interface Asked {
  readonly findings?: readonly string[] | undefined
  readonly platform?: readonly string[] | undefined
}

/** A suite and its platforms, after `--findings`. */
export interface PlatformsOfFindings {
  readonly suite: Suite
  readonly platforms: readonly ResolvedPlatform[]
  readonly excludedPlatforms: readonly ResolvedPlatform[]
  /** Platforms that are measured only for the claims that name them. */
  readonly onlyNamed: readonly string[]
  /** Platforms of `--platform` that are not measured, because no claim of the findings is about them. */
  readonly unused: readonly string[]
}

/**
 * With --findings: the suite with the findings that are asked for, without the benches' own claims, and only the
 * platforms that their claims use. A platform that a claim names is measured whatever its tags.
 * @throws {UsageError} if there is no such finding, or if it uses no platform of `--platform`
 */
export function applyFindings(
  suite: Suite,
  { all, selected, excluded }: PlatformsOfRun,
  { findings: ids, platform }: Asked,
): PlatformsOfFindings {
  if (!ids) return { suite, platforms: selected, excludedPlatforms: excluded, onlyNamed: [], unused: [] }
  const findings = chooseFindings(ids, suite.findings)
  const claims = findings.flatMap(claimsOfFinding)
  const named = new Set(['native', ...claims.flatMap(namedPlatforms)])
  const isUsed = ({ spec, driver, options }: ResolvedPlatform) =>
    named.has(spec.name) ||
    claims.some(({ on }) => matchesSelector(on, { ...spec, family: platformFamily(driver, options) }))
  const used = (platforms: readonly ResolvedPlatform[]) => platforms.filter(isUsed)
  const isNamed = ({ spec }: ResolvedPlatform) => !platform?.length && named.has(spec.name)
  const isChosen = (one: ResolvedPlatform) => selected.includes(one) || isNamed(one)
  const platforms = used(all).filter(isChosen)
  const unused = platform?.length ? selected.filter((one) => !platforms.includes(one)).map(({ spec }) => spec.name) : []
  if (unused.length > 0 && platforms.length === 0)
    throw new UsageError(
      `no claim of the findings is about ${listText(unused)}`,
      `use platforms of the findings: --platform ${used(all)
        .map(({ spec }) => spec.name)
        .join(',')}`,
    )
  return {
    suite: { ...suite, findings, benches: suite.benches.map((bench) => ({ ...bench, claims: [] })) },
    platforms,
    excludedPlatforms: used(excluded).filter((one) => !isNamed(one)),
    onlyNamed: excluded.filter(isNamed).map(({ spec }) => spec.name),
    unused,
  }
}

/**
 * The findings with these numbers, or with these labels at the start of their titles (`A2`, in any case); without any,
 * all. Each is returned once.
 * @param asked each text may have several, separated by commas
 * @throws {UsageError} if there is no such finding
 */
export function chooseFindings<T extends { readonly id: FindingId; readonly title: string }>(
  asked: readonly string[],
  all: readonly T[],
): T[] {
  if (asked.length === 0) return [...all]
  const texts = asked.flatMap((text) => text.split(',')).map((text) => text.trim())
  const chosen = texts.map((text) => {
    const label = `${text}: `.toLowerCase()
    const found = all.find(({ id, title }) => String(id) === text || title.toLowerCase().startsWith(label))
    if (found) return found
    const known = all.map(({ id }) => id).sort(compareFindingIds)
    throw new UsageError(`no finding "${text}".`, `the bench files have the findings ${known.join(', ') || '(none)'}.`)
  })
  return [...new Set(chosen)]
}
