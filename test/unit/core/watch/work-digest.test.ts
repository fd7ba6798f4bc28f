import { transformSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { stripClaims } from '../../../../src/core/watch/work-digest.ts'

const bare = (code: string) =>
  stripClaims(transformSync(code, { loader: 'ts', minifyWhitespace: true, format: 'esm' }).code)

const file = (options: string, rest = '', most = 10) => `
import { bench, expect, finding, higher, platform, workload } from 'isobench'
const most = ${most}
const work = workload('w', {
  metrics: { rate: higher('ops/s') },
  async run({ guest }) { return { rate: Number((await guest.exec({ argv: ['echo', String(most)] })).stdout) } },
})
export const it = bench('it', work, ${options})
${rest}`

const usual = file('{ expect: { rate: expect.withinNative(5) } }')

describe('the work without its claims', () => {
  it.each([
    ['another threshold', file('{ expect: { rate: expect.withinNative(7.5) } }')],
    ['another matcher', file('{ expect: { rate: expect.atLeast(3) } }')],
    ['a warning', file('{ expect: { rate: expect.warn.withinNative(5) } }')],
    ['two claims', file('{ expect: { rate: [expect.withinNative(5), expect.atMost(9)] } }')],
    ['no claim', file('{}')],
    ['no options', file('').replace(', )', ')')],
    ['a comment', `// new\n${usual}`],
    [
      'a finding',
      file('{}', "finding(2, 'It, and (that)', [expect(it.rate).on(platform.family('container')).withinNative(5)])"),
    ],
    ['a finding that needs no import yet', usual.replace('finding, ', '').replace('platform, ', '')],
  ])('is the same with %s', (_, changed) => {
    expect(bare(changed)).toBe(bare(usual))
  })

  it.each([
    ['a constant at the top', file('{ expect: { rate: expect.withinNative(5) } }', '', 11)],
    ['the body', usual.replace("'echo'", "'printf'")],
    ['the tags', file("{ tags: ['a'], expect: { rate: expect.withinNative(5) } }")],
    ['a string that looks like a claim', usual.replace("'echo'", "'expect.withinNative(6)'")],
    ['a claim with an effect', file('{ expect: { rate: expect.withinNative(globalThis.x = 5) } }')],
    ['a claim that calls something', file('{ expect: { rate: expect.withinNative(Math.max(5, 6)) } }')],
    ['a statement in the midst', file('{ expect: { rate: expect.withinNative(5) } }', 'globalThis.x = 1')],
    ['an option of a tool that is called expect', usual.replace("['echo', String(most)]", '[{ expect: 200 }]')],
    ['another import', usual.replace('higher, ', 'lower as higher, ')],
  ])('differs with %s', (_, changed) => {
    expect(bare(changed)).not.toBe(bare(usual))
  })

  it('differs between strings that look like claims', () => {
    const saying = (text: string) => bare(usual.replace("'echo'", JSON.stringify(text)))
    expect(saying('expect.withinNative(6)')).not.toBe(saying('expect.withinNative(7)'))
  })

  it('differs between options of tools that are called expect', () => {
    const status = (n: number) => bare(usual.replace('{ argv:', `{ expect: ${n}, argv:`))
    expect(status(200)).not.toBe(status(201))
  })

  it.each([
    "import { expect } from './own.ts'",
    "import expect from './own.ts'",
    "import * as expect from './own.ts'",
    "import { x as expect } from './own.ts'",
    'export const f = (expect: any) => expect.y(1)',
  ])('is all of it with %s', (line) => {
    const own = (n: number) => bare(`${line}\nexport const y = expect.x(${n})`)
    expect(own(1)).not.toBe(own(2))
  })

  it("leaves a file's own expect alone", () => {
    const own = (n: number) => bare(`const expect = { x: (n: number) => n }\nexport const y = expect.x(${n})`)
    expect(own(1)).not.toBe(own(2))
  })
})
