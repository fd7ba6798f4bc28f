import { createHash } from 'node:crypto'
import { describeParams } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import type { FindingId } from '../../dsl/finding-id.ts'
import { type Html, type HtmlValue, html } from './tag.ts'

/**
 * The ids of a page's parts, for links to them. They depend on names only: a link still works after a margin or a
 * figure has changed, and in the page of a later run.
 */
export interface Anchors {
  /** The id of a part of the page, such as `claims`; also the name of its filter. */
  part(name: string): string
  bench(bench: { readonly id: string; readonly name: string }): string
  /** The content as a link to the bench, if the page has it: claims may be about benches that were not measured. */
  linkToBench(bench: { readonly id: string; readonly name: string }, content: HtmlValue): HtmlValue
  /** @param index of the claim in the report */
  claim(index: number): string
  finding(id: FindingId): string
  platform(name: string): string
}

/** The most characters of a name in an id. */
const longest = 40

/** The part of a text that can stand in an address as it is. */
const readable = (text: string): string =>
  text
    .slice(0, 200)
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .slice(0, longest)
    .replace(/^-|-$/g, '')

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6)

/** A readable id. The digest of `key` keeps equal and unreadable names apart. */
const idOf = (kind: string, name: string, key: string): string =>
  [kind, readable(name), digest(key)].filter(Boolean).join('-')

/** What a claim says without its margins. */
function claimKey({ claim, bench, params, platforms, finding }: ClaimVerdict): string {
  const { metric, matcher, on } = claim
  const asserted = Object.entries(matcher).filter(([, value]) => typeof value !== 'number')
  const about = platforms.length > 0 ? platforms : on
  return JSON.stringify([bench.id, describeParams(params), metric, about, asserted, finding])
}

/** @param scope what keeps the ids apart from those of the other records of the page; empty if there are none */
export function createAnchors({ claims, cases }: Pick<Report, 'claims' | 'cases'>, scope: string): Anchors {
  const benchId: Anchors['bench'] = ({ id, name }) => idOf(`${scope}bench`, name, id)
  const measured = new Set(cases.map(({ bench }) => bench.id))
  const seen = new Map<string, number>()
  const claimIds = claims.map((verdict) => {
    const key = claimKey(verdict)
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    const name = `${verdict.bench.name} ${verdict.claim.metric} ${verdict.platforms.join(' ')}`
    return idOf(`${scope}claim`, name, count === 1 ? key : `${key} ${count}`)
  })
  return {
    part: (name) => `${scope}${name}`,
    bench: benchId,
    linkToBench: (bench, content) => (measured.has(bench.id) ? link(benchId(bench), content) : content),
    claim: (index) => claimIds[index]!,
    finding: (id) => `${scope}finding-${id}`,
    platform: (name) =>
      /^[\w.-]{1,60}$/.test(name) ? `${scope}platform-${name}` : idOf(`${scope}platform`, name, name),
  }
}

/** A link to a part of the page. */
export const link = (id: string, content: HtmlValue): Html => html`<a href="#${id}">${content}</a>`
