/** The rules of axe-core on pages, all but those about colors: palette.test.ts has them. */

import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { makeRecord } from '../fixture.ts'
import { failingPage, fleetHtml, pageOf, real } from './runs.ts'

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

interface Axe {
  run(options: object): Promise<{ readonly violations: readonly Violation[]; readonly passes: readonly Violation[] }>
}

interface Dom {
  readonly window: {
    eval(code: string): unknown
    readonly axe: Axe
    close(): void
  }
}

// The sources have no types of a DOM, and only this file has one.
const require = createRequire(import.meta.url)
const { JSDOM } = require('jsdom') as { JSDOM: new (page: string, options: object) => Dom }
const { source } = require('axe-core') as { source: string }

/**
 * Everything is shown: no style hides a row or a picture, and all details are open.
 * @param only the only rule to check; all take seconds
 */
async function check(page: string, only?: string): Promise<{ violations: string[]; rules: number }> {
  const shown = page.replace(/<style>.*?<\/style>/s, '').replaceAll('<details>', '<details open="">')
  const { window } = new JSDOM(shown, { runScripts: 'outside-only', pretendToBeVisual: true })
  try {
    window.eval(source)
    // Layout and colors are what jsdom has not.
    const rules = { 'color-contrast': { enabled: false }, 'target-size': { enabled: false } }
    const { violations, passes } = await window.axe.run({
      ...(only === undefined ? { rules } : { runOnly: { type: 'rule', values: [only] } }),
      resultTypes: ['violations'],
      // They take a third of the time, and no assertion reads them.
      selectors: false,
    })
    return {
      violations: violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join('; ')}`),
      rules: passes.length,
    }
  } finally {
    window.close()
  }
}

describe('axe-core', () => {
  it.each([
    ['a run that regressed', failingPage],
    ['a run with samples that failed, long and hostile names', () => pageOf(makeRecord(true))],
    ['several records', () => pageOf(real, makeRecord(false))],
    ['several kinds of host', fleetHtml],
  ])(
    'finds no violation in the page of %s',
    async (_, page) => {
      const { violations, rules } = await check(page())
      expect(violations).toEqual([])
      expect(rules).toBeGreaterThan(15)
    },
    120_000,
  )

  it('finds an image without a name', async () => {
    const page = failingPage().replace('</main>', '<svg role="img"></svg></main>')
    expect((await check(page, 'svg-img-alt')).violations).toEqual([expect.stringMatching(/^svg-img-alt: /)])
  }, 120_000)
})

it.each([failingPage, fleetHtml])('shows no sign of a line break between elements', (page) => {
  expect(page()).not.toMatch(/>\s*⏎\s*</)
})
