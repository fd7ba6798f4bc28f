import { relative } from 'node:path'
import type { Driver } from '../../driver.ts'
import { suggestion } from '../../dsl/checked.ts'
import type { Claim } from '../../dsl/claim.ts'
import type { Location } from '../../dsl/errors.ts'
import { claimsOfFinding, type Problem, type Suite } from '../model/suite.ts'
import type { Project } from './config.ts'
import { locateWord } from './locate-word.ts'
import type { ResolvedPlatform } from './platforms.ts'

/** What bench files and the config may name. */
export interface KnownNames {
  readonly project: Pick<Project, 'profiles' | 'skipTags' | 'skipPlatformTags' | 'configFile' | 'root'>
  readonly platforms: readonly ResolvedPlatform[]
  /** The drivers of isobench, by kind. */
  readonly drivers: Readonly<Record<string, Driver>>
}

type Mistake = Pick<Problem, 'message' | 'fix'> & { readonly word: string }

/** The platforms that a claim names, also those that it compares with. */
export const namedPlatforms = ({ matcher, on }: Claim): readonly string[] => [
  ...(on.by === 'name' ? on.names : []),
  ...('platforms' in matcher ? matcher.platforms : []),
  ...('platform' in matcher ? (matcher.medianOf ?? [matcher.platform]) : []),
]

/**
 * Finds names in claims, benches and the config that nothing has: platforms, tags and profiles. A claim with such a
 * name could not be judged, and the run would end well. Removes the claims and findings that have one.
 *
 * A claim may name a platform that the config lacks, if isobench has a driver of that kind: findings are shared by
 * projects with different platforms.
 */
export function checkNames(suite: Suite, names: KnownNames): Suite {
  const problems: Problem[] = []
  const report = (file: string, location: Location | undefined, mistake: Mistake) =>
    problems.push({ file, ...mistake, ...locateWord(location, mistake.word) })
  const isSound = (owner: string, file: string, location: Location | undefined) => (claim: Claim) => {
    const mistake = claimMistake(claim, owner, names)
    if (mistake) report(file, claim.location ?? location, mistake)
    return mistake === undefined
  }
  const benches = suite.benches.map((bench) => {
    const { file, name, location, claims, beside, profiles = {} } = bench
    const known = Object.keys(names.project.profiles)
    for (const word of Object.keys(profiles).filter((one) => !known.includes(one)))
      report(file, location, {
        message: `bench "${name}": the config has no profile "${word}".`,
        fix: suggestion(word, known),
        word,
      })
    const tags = suite.benches.filter(({ id }) => id !== bench.id).flatMap((other) => other.tags)
    // A bench that cannot be read may have the tag.
    if (beside && suite.problems.length === 0 && !tags.includes(beside.tag))
      report(file, location, {
        message: `bench "${name}": beside names the tag "${beside.tag}", and no other bench has it.`,
        fix: suggestion(beside.tag, [...new Set(tags)]),
        word: beside.tag,
      })
    return { ...bench, claims: claims.filter(isSound(`bench "${name}"`, file, location)) }
  })
  const findings = suite.findings.filter((finding) => {
    const all = claimsOfFinding(finding)
    return all.filter(isSound(`finding ${finding.id}`, finding.file, finding.location)).length === all.length
  })
  return { benches, findings, problems: [...suite.problems, ...problems, ...configProblems(suite, names)] }
}

function claimMistake(claim: Claim, owner: string, { platforms, drivers }: KnownNames): Mistake | undefined {
  const known = platforms.map(({ spec }) => spec.name)
  const word = namedPlatforms(claim).find((name) => !known.includes(name) && !Object.hasOwn(drivers, name))
  if (word !== undefined)
    return { message: `${owner}: the config has no platform "${word}".`, fix: suggestion(word, known), word }
  const few = tooFew(claim, known)
  if (few !== undefined)
    return {
      message: `${owner}: onAtLeast(${claim.onAtLeast}) needs more platforms than there are: ${few}.`,
      fix: few > 0 ? `use at most ${few}, or name more platforms` : 'add platforms to the config',
      word: 'onAtLeast',
    }
  const tags = [...new Set(platforms.flatMap(({ spec }) => spec.tags))]
  const tag = claim.on.by === 'tag' ? claim.on.tags.find((one) => !tags.includes(one)) : undefined
  if (tag === undefined) return undefined
  const fix = tags.length > 0 ? suggestion(tag, tags) : `add it to a platform: platform('runc', { tags: ['${tag}'] })`
  return { message: `${owner}: no platform of the config has the tag "${tag}".`, fix, word: tag }
}

/** How many platforms a claim can be about, if it needs more. Findings about families are shared by configs. */
function tooFew({ on, matcher, onAtLeast = 0 }: Claim, known: readonly string[]): number | undefined {
  if (on.by !== 'name' && on.by !== 'all') return undefined
  const reference = matcher.kind === 'withinNative' ? 'native' : 'platform' in matcher ? matcher.platform : undefined
  const names = new Set(on.by === 'name' ? on.names : known.filter((name) => name !== reference))
  return names.size < onAtLeast ? names.size : undefined
}

/** Tags that the config excludes and that nothing has. A bench that cannot be read may have them. */
function configProblems({ benches, problems }: Suite, { project, platforms }: KnownNames): Problem[] {
  const check = (tags: readonly string[], known: readonly string[], owner: string) =>
    tags
      .filter((tag) => !known.includes(tag))
      .map((word): Problem => {
        const mistake = { message: `${owner} "${word}".`, fix: suggestion(word, known), word }
        const location = locateWord({ file: project.configFile, line: 1, column: 1 }, word, Infinity)
        return { file: relative(project.root, project.configFile), ...mistake, ...location }
      })
  const benchTags = [...new Set(benches.flatMap(({ tags }) => tags))]
  const platformTags = [...new Set(platforms.flatMap(({ spec }) => spec.tags))]
  return [
    ...(problems.length === 0 ? check(project.skipTags, benchTags, 'skipTags: no bench has the tag') : []),
    ...check(project.skipPlatformTags, platformTags, 'skipPlatformTags: no platform has the tag'),
  ]
}
