import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { FindingData, Suite } from '../../../../src/core/model/suite.ts'
import { checkNames } from '../../../../src/core/project/check-names.ts'
import type { ResolvedPlatform } from '../../../../src/core/project/platforms.ts'
import type { Driver } from '../../../../src/driver.ts'
import type { Claim } from '../../../../src/dsl/claim.ts'
import { problemFrame } from '../../../../src/reporters/code-frame.ts'
import { aBench } from '../judge/builders.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-names-')))
afterAll(() => rmSync(root, { recursive: true }))

const source = `const it = bench('a', w, { profiles: { nigthly: {} } })
finding(100, 'a finding', [

\texpect(it.t).on('gvisr').worseThan('runc'),
])`
const file = join(root, 'a.bench.ts')
writeFileSync(file, source)
writeFileSync(join(root, 'isobench.config.ts'), "export default {\n  skipPlatformTags: ['slwo'],\n}\n")

const platforms = ['native', 'runc', 'gvisor'].map(
  (name) =>
    ({ spec: { kind: name, name, tags: name === 'gvisor' ? ['slow'] : [], options: {} } }) as ResolvedPlatform & object,
)

function check(suite: Partial<Suite>, config: { skipTags?: string[]; skipPlatformTags?: string[] } = {}): Suite {
  const project = {
    root,
    configFile: join(root, 'isobench.config.ts'),
    profiles: { quick: undefined!, nightly: undefined! },
  }
  return checkNames(
    { benches: [], findings: [], problems: [], ...suite },
    {
      project: { skipTags: [], skipPlatformTags: [], ...project, ...config },
      platforms,
      drivers: { kata: {} as Driver },
    },
  )
}

const claim = (of: Partial<Claim>): Claim => ({
  bench: 'a.bench.ts#a',
  metric: 't',
  matcher: { kind: 'withinNative', percent: 5 },
  on: { by: 'all' },
  where: {},
  severity: 'fail',
  location: { file, line: 4, column: 27 },
  ...of,
})
const finding = (of: Partial<Claim>): FindingData => ({
  id: 100,
  title: 'a',
  failOn: 'worse',
  file: 'a.bench.ts',
  parts: [{ title: 'a', claims: [claim(of)] }],
})

describe('checkNames', () => {
  it('finds a claim about more platforms than there are', () => {
    const problemsOf = (of: Partial<Claim>) => check({ findings: [finding(of)] }).problems
    // Native is the reference, so two platforms are left.
    expect(problemsOf({ onAtLeast: 2 })).toEqual([])
    expect(problemsOf({ onAtLeast: 9 })).toMatchObject([
      {
        file: 'a.bench.ts',
        message: 'finding 100: onAtLeast(9) needs more platforms than there are: 2.',
        fix: 'use at most 2, or name more platforms',
        location: { file, line: 4 },
      },
    ])
    expect(problemsOf({ onAtLeast: 2, on: { by: 'name', names: ['runc'] } })).toHaveLength(1)
    expect(problemsOf({ onAtLeast: 2, on: { by: 'family', families: ['container'] } as never })).toEqual([])
  })

  it('finds the misspelled platform of a claim at its place, and removes the finding', () => {
    const { findings, problems } = check({ findings: [finding({ on: { by: 'name', names: ['gvisr'] } })] })
    expect(findings).toEqual([])
    expect(problems).toEqual([
      {
        file: 'a.bench.ts',
        message: 'finding 100: the config has no platform "gvisr".',
        fix: 'did you mean "gvisor"?',
        location: { file, line: 4, column: 19 },
        word: 'gvisr',
      },
    ])
    expect(problemFrame(problems[0]!, 80)).toEqual([
      "    2 │ finding(100, 'a finding', [",
      '    3 │',
      "  → 4 │  expect(it.t).on('gvisr').worseThan('runc'),",
      '      │                   ~~~~~',
    ])
  })

  it.each<[string, Partial<Claim>, RegExp]>([
    ['a reference', { matcher: { kind: 'equivalentTo', platform: 'rnuc', percent: 5 } }, /"rnuc".*"runc"/],
    [
      'a platform of a median',
      { matcher: { kind: 'worseThan', by: 1, platform: 'the median of', medianOf: ['runc', 'gvisr'] } },
      /"gvisr".*"gvisor"/,
    ],
    ['a ranked platform', { matcher: { kind: 'ranked', platforms: ['runc', 'natvie'] } }, /"natvie".*"native"/],
    ['a tag', { on: { by: 'tag', tags: ['slwo'] } }, /tag "slwo".*"slow"/],
  ])('finds %s that nothing has', (_, of, said) => {
    const { findings, problems } = check({ findings: [finding(of)] })
    expect(problems.map(({ message, fix }) => `${message} ${fix}`)).toEqual([expect.stringMatching(said)])
    expect(findings).toEqual([])
  })

  it('accepts a kind of platform that the config lacks: shared findings name what others have', () => {
    const shared = finding({ on: { by: 'name', names: ['kata'] } })
    expect(check({ findings: [shared] })).toMatchObject({ findings: [shared], problems: [] })
  })

  it('removes only the wrong claim of a bench', () => {
    const good = claim({})
    const bench = aBench({ claims: [good, claim({ on: { by: 'name', names: ['rnuc'] } })] })
    const { benches, problems } = check({ benches: [bench] })
    expect(benches[0]!.claims).toEqual([good])
    expect(problems).toHaveLength(1)
  })

  it('finds a tag of beside that no other bench has, if all benches can be read', () => {
    const location = { file, line: 1, column: 1 }
    const beside = { tag: 'cup', metrics: ['t'] }
    const benches = [aBench({ id: 'a#a', tags: ['cup'], beside, location }), aBench({ id: 'a#b', tags: ['cpu'] })]
    expect(check({ benches }).problems).toEqual([
      {
        file: 'a.bench.ts',
        message: 'bench "disk": beside names the tag "cup", and no other bench has it.',
        fix: 'did you mean "cpu"?',
        location,
        word: 'cup',
      },
    ])
    expect(check({ benches: [...benches, aBench({ id: 'a#c', tags: ['cup'] })] }).problems).toEqual([])
    const unread = { file: 'b.bench.ts', message: 'it has an error' }
    expect(check({ benches, problems: [unread] }).problems).toEqual([unread])
  })

  it('finds a profile, and tags of the config', () => {
    const bench = aBench({ tags: ['cpu'], profiles: { nigthly: {} }, location: { file, line: 1, column: 1 } })
    const { problems } = check({ benches: [bench] }, { skipTags: ['cup', 'cpu'], skipPlatformTags: ['slwo', 'slow'] })
    expect(problems.map(({ fix, location }) => `${location?.line}:${location?.column} ${fix}`)).toEqual([
      '1:40 did you mean "nightly"?',
      '1:1 did you mean "cpu"?',
      '2:23 did you mean "slow"?',
    ])
  })
})
