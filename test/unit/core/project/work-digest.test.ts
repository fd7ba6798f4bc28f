import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'acorn'
import { transformSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { stripClaims } from '../../../../src/core/project/strip-claims.ts'
import { workDigest } from '../../../../src/core/project/work-digest.ts'

const compiled = (code: string) => transformSync(code, { loader: 'ts', target: 'node20', format: 'esm' }).code
const work = (code: string) => stripClaims(compiled(code))

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
const stated = (claims: string) => file('{}', `finding(2, 'It, and (that)', ${claims})`)

describe('the work without its claims', () => {
  it.each([
    ['another threshold', file('{ expect: { rate: expect.withinNative(7.5) } }')],
    ['another matcher', file('{ expect: { rate: expect.atLeast(3) } }')],
    ['a warning', file('{ expect: { rate: expect.warn.withinNative(5) } }')],
    ['two claims', file('{ expect: { rate: [expect.withinNative(5), expect.atMost(9)] } }')],
    ['a calculated threshold', file('{ expect: { rate: expect.withinNative(Math.max(5, 2 * 3)) } }')],
    ['no claim', file('{}')],
    ['no options', file('').replace(', )', ')')],
    ['a comment', `// new\n${usual}`],
    ['a finding', stated("[expect(it.rate).on(platform.family('container')).withinNative(5)]")],
    ['a finding with options', stated("[expect(it.rate).on('runc').betterThan('kata')], { failOn: 'any' }")],
    ['a finding that needs no import yet', usual.replace('finding, ', '').replace('platform, ', '')],
    [
      'a misprint',
      stated("[expect(it.rate).atMost(1)], { misprint: { why: 'x', claims: [expect(it.rate).atMost(2)] } }"),
    ],
    [
      'constants and functions that only claims use',
      file(
        '{}',
        `const rate = expect(it.rate).where({ threads: 4 })
        const factor = { by: '2x' } as const
        const half = (...names: string[]) => names.flatMap((name) => [rate.on(name).betterThan('kata', factor)])
        finding(3, 'Two', [...half('runc', 'crun'), ...['a', 'b'].map((other) => rate.on('kata').worseThan(other))])
        for (const name of ['lxc', 'runc']) finding(4, \`about \${name}\`, [rate.on(name).noStableOrder('a', 'b')])`,
      ),
    ],
    [
      'an exported claim',
      file('{}', "export const wide = expect(it.rate).on('runc').constant(20, { over: 'threads' })"),
    ],
  ])('is the same with %s', (_, changed) => {
    expect(work(changed)).toBe(work(usual))
  })

  const named = (line: string) => usual.replace('export const it = bench(', line).replace('export { it };', '')

  it.each([
    ['a name for a finding', 'const it = bench(', "finding(7, 'named', [expect(it.rate).atMost(9)])"],
    ['a name that nothing uses', 'const it = bench('],
    ['a name that only a claim in a constant uses', 'const it = bench(', 'const claim = expect(it.rate).atMost(9)'],
  ])('is the same with %s of the bench', (_, line, rest = '') => {
    expect(work(`${named(line)}\n${rest}`)).toBe(work(named('bench(')))
    expect(work(`${named(line)}\n${rest}`)).not.toBe(work(named('bench.only(')))
  })

  it.each([
    ['other work uses it', 'const it = bench(', 'console.log(it)'],
    ['an unknown call in a finding uses it', 'const it = bench(', "finding(7, 'x', [globalThis.roll(it)])"],
    ['it is exported', 'export const it = bench('],
    ['it is changed', 'let it = bench('],
    ['it is a part of the bench', 'const { it } = bench('],
    ['there is a second one', 'const one = 1, it = bench('],
  ])('differs with a name of the bench if %s', (_, line, rest = '') => {
    expect(work(`${named(line)}\n${rest}`)).not.toBe(work(`${named('bench(')}\n${rest}`))
  })

  it('differs with a name of the bench that its own workload uses', () => {
    const own = (line: string) => work(`import { bench } from 'isobench'\n${line}bench('b', make(() => it.name))`)
    expect(own('const it = ')).not.toBe(own(''))
  })

  const optionsIn = (declaration: string, rest = '') =>
    work(file('options', rest).replace('export const it', `${declaration}\nexport const it`))

  it('is the same with other claims in a constant that are the options of one bench', () => {
    const options = (most: number) => optionsIn(`const options = { expect: { rate: expect.atMost(${most}) } }`)
    expect(options(5)).toBe(options(6))
    expect(options(5)).toBe(work(usual))
    const tagged = (tag: string, most = 5) =>
      optionsIn(`const options = { tags: ['${tag}'], expect: { rate: expect.atMost(${most}) } }`)
    expect(tagged('a', 5)).toBe(tagged('a', 6))
    expect(tagged('a')).not.toBe(tagged('b'))
  })

  it.each([
    ['other work uses it', (n: number) => optionsIn(`const options = { expect: ${n} }`, 'console.log(options.expect)')],
    ['it is exported', (n: number) => optionsIn(`export const options = { expect: { rate: expect.atMost(${n}) } }`)],
    ['it is changed', (n: number) => optionsIn(`let options = { expect: { rate: expect.atMost(${n}) } }`)],
    ['a claim has an effect', (n: number) => optionsIn(`const options = { expect: globalThis.roll(${n}) }`)],
    [
      'it is exported where it is declared',
      (n: number) => stripClaims(`import{bench,expect}from'isobench';export const o={expect:${n}};bench('b',w,o)`),
    ],
    // Not compiled: esbuild gives such a parameter another name.
    [
      'a parameter has its name',
      (n: number) =>
        stripClaims(`import { bench, expect } from 'isobench'
          const options = { expect: expect.atMost(${n}) }
          const use = (options) => bench('b', w, options)
          use(options)`),
    ],
    [
      'the workload uses it',
      (n: number) =>
        work(`import { bench } from 'isobench'
          const options = { expect: ${n} }
          bench('b', make(() => options.expect), options)`),
    ],
    [
      'it is the workload',
      (n: number) =>
        work(`import { bench, expect } from 'isobench'
      const w = { expect: expect.atMost(${n}) } as any\nbench('b', w)`),
    ],
  ])('differs with the content of a constant with options if %s', (_, version) => {
    expect(version(5)).not.toBe(version(6))
  })

  it('is the same without a claim of which the key is a quoted or a computed literal', () => {
    for (const key of ["'expect'", "['expect']"]) {
      const of = (most: number) => work(file(`{ ${key}: { rate: expect.atMost(${most}) } }`))
      expect(of(5)).toBe(of(6))
      expect(of(5)).toBe(work(usual))
    }
    const variable = (most: number) => work(file(`{ [expect.name]: { rate: expect.atMost(${most}) } }`))
    expect(variable(5)).not.toBe(variable(6))
  })

  it.each([
    ['a constant at the top', file('{ expect: { rate: expect.withinNative(5) } }', '', 11)],
    ['the body', usual.replace("'echo'", "'printf'")],
    ['the tags', file("{ tags: ['a'], expect: { rate: expect.withinNative(5) } }")],
    ['a string that looks like a claim', usual.replace("'echo'", "'expect.withinNative(6)'")],
    ['a claim with an effect', file('{ expect: { rate: expect.withinNative(globalThis.x = 5) } }')],
    ['a getter of claims', file('{ get expect() { return { rate: expect.withinNative(5) } } }')],
    ['a claim that calls an unknown function', file('{ expect: { rate: expect.withinNative(globalThis.roll()) } }')],
    ['a finding with an effect', stated('[globalThis.roll(expect(it.rate).atMost(1))]')],
    ['a statement with an effect', file('{ expect: { rate: expect.withinNative(5) } }', 'globalThis.x = 1')],
    ['an option of a tool that is called expect', usual.replace("['echo', String(most)]", '[{ expect: 200 }]')],
    ['another import', usual.replace('higher, ', 'lower as higher, ')],
    ['an exported constant', file('{}', 'export const port = 1')],
    ['an import for its effect', `import './effect.ts'\n${usual}`],
    ['another bench', file('{}', "bench('more', work)")],
  ])('differs with %s', (_, changed) => {
    expect(work(changed)).not.toBe(work(usual))
  })

  it.each([
    ['strings that look like claims', (n: number) => usual.replace("'echo'", `'expect.withinNative(${n})'`)],
    ['templates that look like findings', (n: number) => usual.replace("'echo'", `\`finding(${n}, 'x', [])\``)],
    ['white space in a template', (n: number) => usual.replace("'echo'", `\`a${' '.repeat(n)}b\``)],
    ['options of tools that are called expect', (n: number) => usual.replace('{ argv:', `{ expect: ${n}, argv:`)],
    ['a constant of the work and of a claim', (n: number) => file('{ expect: { rate: expect.atLeast(most) } }', '', n)],
    ['a function of the work', (n: number) => `const wait = () => ${n}\n${usual.replace("'echo'", 'wait()')}`],
    ['regular expressions', (n: number) => usual.replace("'echo'", `'a'.replace(/${n}/, '')`)],
    ['methods that change an array', (n: number) => file('{}', `const list = [1]\nlist.push(${n})`)],
    [
      'a method that the module replaces',
      (n: number) => file('{}', `const o = { a: 1 } as any\no.f = () => { globalThis.x = ${n} }\no.f(${n})`),
    ],
    ['numbers that JSON cannot write', (n: number) => file('{}', `export const limit = ${n > 5 ? '1e999' : 'null'}`)],
    ['code with eval', (n: number) => file(`{ expect: { rate: expect.atMost(${n}) } }`, "eval('1')")],
  ])('differs between %s', (_, version) => {
    expect(work(version(5))).not.toBe(work(version(6)))
  })

  it.each([
    "import { expect } from './own.ts'",
    "import expect from './own.ts'",
    "import * as expect from './own.ts'",
    "import { x as expect } from './own.ts'",
    'export const f = (expect: any) => expect.y(1)',
    'const expect = { x: (n: number) => n }',
  ])('is all of it with %s', (line) => {
    const own = (n: number) => work(`${line}\nexport const y = expect.x(${n})`)
    expect(own(1)).not.toBe(own(2))
  })
})

it('keeps everything if a parameter has the name of an import', () => {
  const own = (n: number) => stripClaims(`import{expect}from"isobench";const f=expect=>expect.y(${n});f({y:roll})`)
  expect(own(1)).not.toBe(own(2))
})

// biome-ignore lint/suspicious/noExplicitAny: a node of any type
type Part = Readonly<Record<string, any>>

/** All nodes of a syntax tree. */
const nodesIn = (value: unknown): Part[] =>
  Array.isArray(value)
    ? value.flatMap(nodesIn)
    : value !== null && typeof value === 'object'
      ? [...('type' in value ? [value as Part] : []), ...Object.values(value).flatMap(nodesIn)]
      : []

/** The name at the root of `a.b(...)(...)`. */
const rootOf = (call: Part): string | undefined => {
  let callee = call.callee
  while (callee.object ?? callee.callee) callee = callee.object ?? callee.callee
  return callee.name
}

const replace = (code: string, { start, end }: Part, text: string) => code.slice(0, start) + text + code.slice(end)

/** Versions of the code, each with one literal in these nodes changed. */
const editsOf = (code: string, nodes: readonly Part[]): string[] =>
  nodes.flatMap((node) =>
    node.type === 'Literal' && ['string', 'number'].includes(typeof node.value)
      ? [replace(code, node, JSON.stringify(typeof node.value === 'number' ? node.value + 1 : `${node.value}0`))]
      : [],
  )

describe('the benches of this repository', () => {
  const root = new URL('../../../../', import.meta.url).pathname
  const sources = readdirSync(join(root, 'benches'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.bench.ts'))
    .map((name) => ({ name, code: compiled(readFileSync(join(root, 'benches', name), 'utf8')) }))
    .map((source) => ({
      ...source,
      calls: nodesIn(parse(source.code, { ecmaVersion: 'latest', sourceType: 'module' })).filter(
        ({ type }) => type === 'CallExpression',
      ),
    }))
  const findings = sources.flatMap(({ name, code, calls }) =>
    calls.filter((call) => rootOf(call) === 'finding').map((call) => ({ name, code, call })),
  )
  const expectations = sources.flatMap(({ name, code, calls }) =>
    calls
      .filter((call) => rootOf(call) === 'bench')
      .flatMap((call) => call.arguments.at(-1).properties ?? [])
      .filter(({ key }) => key?.name === 'expect')
      .map((property) => ({ name, code, call: property.value as Part })),
  )
  const workloads = sources.flatMap(({ name, code, calls }) =>
    calls
      .filter((call) => rootOf(call) === 'workload' && editsOf(code, nodesIn(call)).length > 0)
      .map((call) => ({ name, code, call })),
  )

  const matchers =
    /^(withinNative|equivalentTo|betterThan|worseThan|at(Most|Least)|ranked|noStableOrder|peaksAt|constant)$/

  it('have the findings, expectations and workloads that the next tests edit', () => {
    expect(findings).toHaveLength(42)
    expect(expectations.length).toBeGreaterThan(10)
    expect(workloads.length).toBeGreaterThan(10)
  })

  it.each(findings.map((one) => [one.call.arguments[0].value, one.name, one] as const))(
    'finding %s in %s: an edit of its title, a threshold or a matcher does not change the work',
    (_, __, { code, call }) => {
      const before = stripClaims(code)
      const parts = nodesIn(call.arguments)
      const matcher = parts.find(({ type, property }) => type === 'MemberExpression' && matchers.test(property.name))
      const edits = [
        ...editsOf(code, parts).slice(0, 1),
        ...editsOf(code, parts).slice(1).slice(-2),
        ...(matcher ? [replace(code, matcher.property, 'aMatcherOfTomorrow')] : []),
      ]
      expect(edits.length).toBeGreaterThan(2)
      for (const edited of edits) expect(stripClaims(edited)).toBe(before)
      expect(stripClaims(replace(code, call, 'undefined'))).toBe(before)
    },
  )

  it.each(expectations.map((one) => [one.name, one] as const))('what the bench in %s expects is not work', (_, one) => {
    const before = stripClaims(one.code)
    const edits = editsOf(one.code, nodesIn(one.call))
    expect(edits.length).toBeGreaterThan(0)
    for (const edited of edits) expect(stripClaims(edited)).toBe(before)
  })

  it.each(workloads.map((one) => [one.name, one] as const))('literals of the workload in %s are work', (_, one) => {
    const before = stripClaims(one.code)
    const edits = editsOf(one.code, nodesIn(one.call)).filter((_, index) => index % 4 === 0)
    for (const edited of edits) expect(stripClaims(edited)).not.toBe(before)
  })
})

describe('the digest of a bench file', () => {
  it('is that of all bytes of a file that is imported as data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-digest-'))
    try {
      const inputs = ['it.bench.ts', 'data.txt'].map((name) => join(folder, name))
      const digest = async (data: string | Uint8Array) => {
        writeFileSync(inputs[0]!, usual)
        writeFileSync(inputs[1]!, data)
        return workDigest({ inputs, types: new Map() }, folder)
      }
      // Neither of them is UTF-8.
      expect(await digest(Uint8Array.of(0xff))).not.toBe(await digest(Uint8Array.of(0xfe)))
      // Claims in the text of data are a part of it, also if a bench file has the same text.
      expect(await digest(usual)).not.toBe(await digest(usual.replace('withinNative(5)', 'withinNative(6)')))
      expect(await digest('\ufeffa')).not.toBe(await digest('a'))
      expect(await digest('a\r\n')).not.toBe(await digest('a\n'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('changes with the work of an imported file, and not with its claims', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-digest-'))
    try {
      const digest = async (code: string) => {
        writeFileSync(join(folder, 'it.bench.ts'), "import { it } from './work.ts'\nexport const again = it")
        writeFileSync(join(folder, 'work.ts'), code)
        const inputs = ['it.bench.ts', 'work.ts'].map((name) => join(folder, name))
        return workDigest({ inputs, types: new Map() }, folder)
      }
      const before = await digest(usual)
      expect(await digest(usual.replace('withinNative(5)', 'atMost(7)'))).toBe(before)
      expect(await digest(usual.replace("'echo'", "'printf'"))).not.toBe(before)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('changes if a tsconfig.json, or what it extends, changes the compiled code', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-digest-'))
    try {
      writeFileSync(join(folder, 'tsconfig.json'), '{ "extends": "./base.json" }')
      const digest = async (compilerOptions: object, code: string, name = 'it.bench.ts') => {
        writeFileSync(join(folder, 'base.json'), JSON.stringify({ compilerOptions }))
        writeFileSync(join(folder, name), code)
        return workDigest({ inputs: [join(folder, name)], types: new Map() }, folder)
      }
      const field = 'export class Counter extends Base { count = 1; size }'
      const decorated = 'export class Counter { @noted add() {} }'
      const element = 'export const one = <p>text</p>'
      const plain = await digest({}, field)
      expect(await digest({ strict: true, module: 'NodeNext', noEmit: true, target: 'ES2023' }, field)).toBe(plain)
      expect(await digest({ useDefineForClassFields: false }, field)).not.toBe(plain)
      expect(await digest({ target: 'ES2021' }, field)).toBe(await digest({ useDefineForClassFields: false }, field))
      expect(await digest({ experimentalDecorators: true }, field)).toBe(plain)
      expect(await digest({ experimentalDecorators: true }, decorated)).not.toBe(await digest({}, decorated))
      const starred = await digest({}, decorated, 'a*.bench.ts')
      expect(await digest({ experimentalDecorators: true }, decorated, 'a*.bench.ts')).not.toBe(starred)
      const react = await digest({}, element, 'it.bench.tsx')
      expect(await digest({ jsx: 'react', jsxFactory: 'h' }, element, 'it.bench.tsx')).not.toBe(react)
      // The defaults are those of a project without a tsconfig.json.
      rmSync(join(folder, 'tsconfig.json'))
      expect(await digest({}, field)).toBe(plain)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
