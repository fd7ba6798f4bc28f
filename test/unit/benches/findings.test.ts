import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { findingsPage } from '../../../scripts/docs/findings-page.ts'
import { claimsOf, type Suite } from '../../../src/core/model/suite.ts'
import { compareFindingIds, seriesOf } from '../../../src/dsl/finding-id.ts'
import { built, collectBenches, itWithBuild } from './suite.ts'

/** The paper's text, if it lies beside the repository: it may not be published with it. */
const paper = fileURLToPath(new URL('../../../../shared/paper/paper.md', import.meta.url))
/** The sentences that the parts of the findings quote. */
const { sentences } = JSON.parse(
  readFileSync(new URL('../../fixtures/paper/sentences.json', import.meta.url), 'utf8'),
) as { sentences: string[] }

/** The sentences that findings of a series quote, by the address of their source. */
const newer = JSON.parse(
  readFileSync(new URL('../../fixtures/sources/sentences.json', import.meta.url), 'utf8'),
) as Record<string, string[]>

describe('the findings of the paper in benches/', () => {
  let suite: Suite
  beforeAll(async () => {
    if (built) suite = await collectBenches()
  }, 60_000)

  itWithBuild('are collected without a problem', () => {
    expect(suite.problems).toEqual([])
  })

  itWithBuild('are all there, once each', () => {
    const paper = suite.findings.map(({ id }) => id).filter((id) => typeof id === 'number' && id < 100)
    expect(paper.sort(compareFindingIds)).toEqual(Array.from({ length: 28 }, (_, index) => index + 1))
  })

  itWithBuild('of the series 2026 are numbered from 1, each with the address of its source', () => {
    const series = suite.findings.filter(({ id }) => seriesOf(id) !== undefined)
    const ids = series.map(({ id }) => id).sort(compareFindingIds)
    expect(ids).toEqual(ids.map((_, at) => `2026-${at + 1}`))
    expect(ids.length).toBeGreaterThan(0)
    expect(series.filter(({ source }) => !source?.url && !source?.doi).map(({ id }) => id)).toEqual([])
  })

  itWithBuild('make a claim or say why they make none', () => {
    for (const { title, parts } of suite.findings) {
      expect(title.trim()).not.toBe('')
      expect(parts.length, title).toBeGreaterThan(0)
      for (const { claims, unmeasurable } of parts)
        if (claims.length === 0) expect(unmeasurable!.length, unmeasurable).toBeGreaterThan(20)
    }
  })

  itWithBuild('claim something of cases that exist', () => {
    const benches = new Map(suite.benches.map((bench) => [bench.id, bench]))
    for (const { id, parts } of suite.findings) {
      for (const { bench: name, metric, where } of claimsOf({ parts })) {
        const bench = benches.get(name)
        expect(bench, `finding ${id}: ${name}`).toBeDefined()
        expect(Object.keys(bench!.metrics), `finding ${id}: ${name}`).toContain(metric)
        for (const [param, value] of Object.entries(where)) expect(bench!.params[param]).toContain(value)
      }
    }
  })

  itWithBuild('name only platforms that the design names', () => {
    const known = new Set(
      [
        'native runc crun docker podman lxc lxc-systemd gvisor gvisor-ptrace gvisor-kvm gvisor-gofer gvisor-hostnet',
        'bubblewrap nspawn qemu qemu-q35 qemu-qboot qemu-microvm firecracker cloud-hypervisor kata kata-go kata-9p osv',
        'osv-firecracker user-mode-linux qemu-9p qemu-virtiofs',
      ].flatMap((line) => line.split(' ')),
    )
    const named = suite.findings.flatMap((finding) =>
      claimsOf(finding).flatMap(({ on, matcher }) => [
        ...(on.by === 'name' ? on.names : []),
        ...('platform' in matcher ? (matcher.medianOf ?? [matcher.platform]) : []),
        ...('platforms' in matcher ? matcher.platforms : []),
      ]),
    )
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  itWithBuild('quote the paper, or their newer source, word for word, in each part and in its margins', () => {
    const quoted = suite.findings.flatMap(({ id, source, parts }) =>
      parts.flatMap(({ title, quote, margins = '' }) => {
        // One or two words in quotation marks name a term of the vocabulary.
        const inner = [...margins.matchAll(/"([^"]+)"/g)].map(([, words]) => words!)
        const all = [quote ?? '', ...inner.filter((words) => words.split(' ').length > 2)]
        const text = (seriesOf(id) === undefined ? sentences : (newer[source?.url ?? ''] ?? [])).map(plain)
        return all.map((words) => ({ name: `${id}: ${title}`, words: plain(words), text }))
      }),
    )
    const wrong = quoted.filter(({ words, text }) => words === '' || !text.some((one) => one.includes(words)))
    expect(wrong.map(({ name, words }) => `${name}: ${words}`)).toEqual([])
  })

  itWithBuild('are in docs/reference/findings.md as they are here: npm run docs', () => {
    for (const [file, text] of Object.entries(findingsPage(suite)))
      expect(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')).toBe(text)
  })

  itWithBuild('state their margins in each part that is measured', () => {
    const silent = suite.findings.flatMap(({ id, parts }) =>
      parts.filter(({ margins, unmeasurable }) => !margins && !unmeasurable).map(({ title }) => `${id}: ${title}`),
    )
    expect(silent).toEqual([])
  })
})

const plain = (text: string) => text.replaceAll(/\s+/g, ' ')

describe('the sentences in test/fixtures/paper', () => {
  it('are those of the paper', ({ skip }) => {
    if (!existsSync(paper)) skip('the paper is not beside this repository')
    const text = plain(readFileSync(paper, 'utf8').replaceAll(/<\/?u>|\*\*/g, ''))
    expect(sentences.filter((sentence) => !text.includes(plain(sentence)))).toEqual([])
  })
})
