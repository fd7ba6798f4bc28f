import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { command as reportCommand } from '../../../src/commands/report.ts'
import { baselineReader, createReporters, hasDocumentOnOutput } from '../../../src/commands/reporters.ts'
import * as benchFiles from '../../../src/core/project/bench-files.ts'
import { regressions } from '../../../src/core/records/compare.ts'
import type { Reporter } from '../../../src/core/reporter.ts'
import type { ReporterEntry } from '../../../src/dsl/config.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { handleStrayErrors } from '../../../src/util/stray-errors.ts'
import { withoutRunnerListeners } from '../../support/runner-listeners.ts'
import { makeReport } from '../reporters/fixture.ts'

vi.mock('../../../src/core/project/bench-files.ts', { spy: true })

withoutRunnerListeners()

const report = makeReport(false)

const root = mkdtempSync(join(tmpdir(), 'isobench-reporters-'))
afterAll(() => rmSync(root, { recursive: true }))

writeFileSync(
  join(root, 'mine.ts'),
  `interface Options { readonly prefix?: string }
export default {
  name: 'mine',
  description: 'writes the seed',
  create: ({ out }: any, { prefix = '' }: Options) => ({
    onFinish: ({ seed }: any) => out.write(prefix + seed + '\\n'),
  }),
}
`,
)
writeFileSync(join(root, 'broken.ts'), "export default { create() { throw new Error('it is broken') } }\n")
writeFileSync(join(root, 'empty.ts'), 'export default { name: "empty" }\n')
writeFileSync(join(root, 'none.ts'), 'export const nothing = 1\n')

interface Asked {
  readonly reporter?: string[]
  readonly configured?: readonly ReporterEntry[]
  readonly json?: boolean
}

async function outputOf({ reporter, configured, json = false }: Asked, before?: (created: Required<Reporter>) => void) {
  const written = { out: '', err: '' }
  const stream = (name: 'out' | 'err') => {
    const write = (text: string) => {
      written[name] += text
    }
    return { write, isTTY: false } as unknown as NodeJS.WriteStream
  }
  const io = { cwd: root, out: stream('out'), err: stream('err'), color: false, commands: [] }
  const project = { root, ...(configured && { reporters: configured }) }
  const created = await createReporters({ reporter, json, all: false }, project, io)
  before?.(created)
  await created.onFinish(report)
  return written
}

it('the files of the project are listed once for all outputs that exist', async () => {
  const names = ['one.html', 'two.html', 'three.html']
  for (const name of names) writeFileSync(join(root, name), '')
  vi.mocked(benchFiles.benchFiles).mockClear()
  await outputOf({ reporter: names.map((name) => `html=${join(root, name)}`) })
  expect(benchFiles.benchFiles).toHaveBeenCalledTimes(1)
})

describe('standard output', () => {
  it.each([
    [{ json: true }, true],
    [{ reporter: ['json'] }, true],
    [{ reporter: ['default', 'junit'] }, true],
    [{ configured: ['json'] }, true],
    [{}, false],
    [{ reporter: ['default'], configured: ['json'] }, false],
    [{ reporter: ['json=out.json', './mine.ts'] }, false],
  ] as [Asked, boolean][])('has no other text beside a document: %j', ({ reporter, configured, json = false }, has) => {
    const project = { root, ...(configured && { reporters: configured }) }
    expect(hasDocumentOnOutput({ reporter, json, all: false }, project, root)).toBe(has)
  })
})

describe('a reporter of the user', () => {
  it('is given by its path, and writes to standard output', async () => {
    expect(await outputOf({ reporter: ['./mine.ts'] })).toEqual({ out: `${report.seed}\n`, err: '' })
  })

  it('writes to the file after =, in a folder that may not exist yet', async () => {
    expect(await outputOf({ reporter: [`./mine.ts=out/seed.txt`] })).toEqual({ out: '', err: '' })
    expect(readFileSync(join(root, 'out/seed.txt'), 'utf8')).toBe(`${report.seed}\n`)
  })

  it('fails the command if its file cannot be written', async () => {
    mkdirSync(join(root, 'folder'), { recursive: true })
    await expect(outputOf({ reporter: ['./mine.ts=folder'] })).rejects.toThrow('cannot be written to')
  })

  it('shares its file with no other reporter, and has one after every =', async () => {
    const same = ['./mine.ts=same.txt', './mine.ts=./out/../same.txt']
    await expect(outputOf({ reporter: same })).rejects.toThrow(`two reporters write to ${join(root, 'same.txt')}`)
    symlinkSync('same.txt', join(root, 'link.txt'))
    const linked = ['./mine.ts=link.txt', './mine.ts=same.txt']
    await expect(outputOf({ reporter: linked })).rejects.toThrow(`two reporters write to ${join(root, 'same.txt')}`)
    writeFileSync(join(root, 'one.txt'), '')
    linkSync(join(root, 'one.txt'), join(root, 'two.txt'))
    const hardLinked = ['./mine.ts=one.txt', './mine.ts=two.txt']
    await expect(outputOf({ reporter: hardLinked })).rejects.toThrow(`two reporters write to ${join(root, 'two.txt')}`)
    const derived = ['benchmark-action=out/x.json', 'json=out/x.smaller.json']
    const file = join(root, 'out/x.smaller.json')
    await expect(outputOf({ reporter: derived })).rejects.toThrow(`two reporters write to ${file}`)
    await expect(outputOf({ reporter: [...derived].reverse() })).rejects.toThrow(`two reporters write to ${file}`)
    await expect(outputOf({ reporter: ['json='] })).rejects.toThrow('the reporter "json" has no file after "="')
    expect(await outputOf({ reporter: ['./mine.ts=/dev/null', './mine.ts=/dev/null'] })).toEqual({ out: '', err: '' })
  })

  it('is the only document on standard output, beside reporters for people and files', async () => {
    const message = 'the reporters "bmf" and "otava-csv" both write a document to standard output'
    const fix = 'give one of them a file: --reporter otava-csv=FILE'
    await expect(outputOf({ reporter: ['bmf', 'otava-csv'] })).rejects.toMatchObject({ message, fix })
    await expect(outputOf({ configured: ['bmf', 'otava-csv'] })).rejects.toMatchObject({ message, fix })
    await expect(outputOf({ json: true, reporter: ['bmf'] })).rejects.toThrow('"json" and "bmf" both write')
    await expect(outputOf({ reporter: ['html', 'default', 'csv'] })).rejects.toThrow('"html" and "csv" both write')
    const { out } = await outputOf({ json: true, reporter: ['default', 'bmf=out/bmf.json'] })
    expect(JSON.parse(out).seed).toBe(report.seed)
    expect((await outputOf({ reporter: ['dot', 'markdown'] })).out).toContain('| ')
  })

  it('gets its options from the config', async () => {
    const { out } = await outputOf({ configured: [['./mine.ts', { prefix: '- ' }], 'json=out/report.json'] })
    expect(out).toBe(`- ${report.seed}\n`)
    expect(JSON.parse(readFileSync(join(root, 'out/report.json'), 'utf8')).seed).toBe(report.seed)
  })

  it('does not stop the others if it throws', async () => {
    const { out, err } = await outputOf({ reporter: ['./broken.ts', './mine.ts'] })
    expect(out).toBe(`${report.seed}\n`)
    expect(err).toContain(
      'create() of the reporter "./broken.ts" failed: it is broken. The other reporters continue.\n',
    )
    expect(err).toContain('fix: correct it: see docs/how-to/add-a-reporter.md')
  })

  it.each([
    "create: () => ({ onFinish() { void Promise.reject(new Error('left')) } })",
    "create() { setTimeout(() => { throw new Error('left') }, 1); return {} }",
  ])('is named with the errors that it leaves behind, which stop nothing: %s', async (code) => {
    writeFileSync(join(root, 'stray.mjs'), `export default { name: 's', description: 's', ${code} }\n`)
    const stopping: Error[] = []
    using _strayErrors = handleStrayErrors((error) => stopping.push(error))
    const written = await outputOf({ reporter: ['./stray.mjs'] })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(written.err).toMatch(/stray\.mjs:1:\d+ {2}the reporter "\.\/stray\.mjs" left an error that .*: left /)
    expect(stopping).toEqual([])
  })

  it('is named with a hook that has not ended, and that isobench does not wait for', async () => {
    const hook = 'create: () => ({ onPrepare: () => new Promise(() => {}) })'
    writeFileSync(join(root, 'slow.mjs'), `export default { name: 's', description: 's', ${hook} }\n`)
    const { err } = await outputOf({ reporter: ['./slow.mjs'] }, (created) => created.onPrepare('probing'))
    expect(err).toBe(
      'warning  reporter "./slow.mjs": onPrepare() has not ended, and isobench does not wait for it.\n' +
        '         fix: keep its promise, and await that in onFinish()\n',
    )
  })

  it.each([
    ["create() { throw new Error('it is broken') }", 'create', 'failed: it is broken', true],
    [
      "create: ({ out }) => ({ onFinish() { out.write('half'); throw new Error('no end') } })",
      'onFinish',
      'failed: no end',
      false,
    ],
    [
      "create: ({ out }) => ({ async onFinish() { out.write('half'); throw new Error('late') } })",
      'onFinish',
      'failed: late',
      false,
    ],
    ["create: () => ({ onPrepare() { throw new Error('step') } })", 'onPrepare', 'failed: step', true],
    ["create: () => ({ onSample: async () => { throw new Error('sample') } })", 'onSample', 'failed: sample', true],
    ['create: () => ({ onFinish: () => new Promise(() => {}) })', 'onFinish', 'took longer than 0.2 s', false],
  ])('fails the command if it breaks before its file is complete: %s', async (code, hook, why, isWarned) => {
    writeFileSync(join(root, 'fragile.mjs'), `export default { name: 'f', description: 'f', ${code} }\n`)
    vi.stubEnv('ISOBENCH_CALL_SECONDS', '0.2')
    const written = { out: '', err: '' }
    const stream = (name: 'out' | 'err') =>
      ({ write: (text: string) => (written[name] += text), isTTY: false }) as unknown as NodeJS.WriteStream
    const io = { cwd: root, out: stream('out'), err: stream('err'), color: false, commands: [] }
    const asked = { reporter: ['./fragile.mjs=out/f.txt', './mine.ts'], json: false, all: false }
    const created = await createReporters(asked, { root }, io)
    created.onPrepare('a step')
    created.onSample(undefined as never)
    await new Promise((resolve) => setImmediate(resolve))
    const stored = join(root, 'stored.jsonl')
    writeFileSync(stored, '')
    const error = await Promise.resolve(created.onFinish({ ...report, record: stored })).catch(
      (thrown: unknown) => thrown,
    )
    vi.unstubAllEnvs()
    const given = './fragile.mjs=out/f.txt'
    const cause = `${hook}() of the reporter "./fragile.mjs" ${why}`
    const what = `${join(root, 'out/f.txt')} is missing or incomplete, because ${cause}`
    expect(error).toMatchObject({
      code: 'ISOBENCH_WRITE',
      message: what,
      fix: `correct the reporter, then write it from the record: isobench report ${stored} --reporter ${given}`,
    })
    expect(written.out).toBe(`${report.seed}\n`)
    expect(written.err.includes(cause)).toBe(isWarned)
  })

  it('makes the exit code 5 that the others state if its file is incomplete, whatever their order is', async () => {
    const code = "create: ({ out }) => ({ onFinish() { out.write('half'); throw new Error('no end') } })"
    writeFileSync(join(root, 'half.mjs'), `export default { name: 'half', description: 'half', ${code} }\n`)
    let text = ''
    const out = { write: (more: string) => (text += more), isTTY: false } as unknown as NodeJS.WriteStream
    const io = { cwd: root, out, err: process.stderr, color: false, commands: [] }
    const asked = { reporter: ['default', './half.mjs=out/half.txt'], json: false, all: false }
    const created = await createReporters(asked, { root }, io)
    await expect(created.onFinish(report)).rejects.toMatchObject({ code: 'ISOBENCH_WRITE' })
    expect(text).toContain('exit code 5: a report could not be written')
    expect(text).not.toContain(`exit code ${report.exit.code}:`)
  })

  it.each([
    ['create: async () => ({})', 'create() of the reporter "./odd.mjs" returned a promise'],
    ['create: () => 5', 'create() of the reporter "./odd.mjs" returned a wrong value: 5 is not an object'],
    ['create: () => ({ onFinish: 5 })', 'onFinish of the reporter "./odd.mjs" is no function'],
    ['create: () => ({ *onFinish() {} })', 'onFinish of the reporter "./odd.mjs" is a generator'],
    [
      "create: () => ({ get onFinish() { throw new Error('odd') } })",
      'onFinish of the reporter "./odd.mjs" failed: odd',
    ],
    ['create: () => process.exit(0)', 'create() of the reporter "./odd.mjs" failed'],
  ])('does not stop the others if it is none: %s', async (code, why) => {
    writeFileSync(join(root, 'odd.mjs'), `export default { name: 'odd', description: 'odd', ${code} }\n`)
    const { out, err } = await outputOf({ reporter: ['./odd.mjs', './mine.ts'] })
    expect([out, err]).toEqual([`${report.seed}\n`, expect.stringContaining(why)])
  })

  it.each([
    'report.claims.splice(0); report.cases.length = 0; report.exit.code = 0; report.seed = "none"',
    'for (const key of Object.keys(report)) delete report[key]',
  ])('changes neither the report of others nor that of isobench: %s', async (code) => {
    const create = `create: () => ({ onFinish(report) { ${code} } })`
    writeFileSync(join(root, 'changes.mjs'), `export default { name: 'c', description: 'c', ${create} }\n`)
    const before = structuredClone(report)
    const both = ['./changes.mjs', 'json']
    expect(await outputOf({ reporter: both })).toEqual(await outputOf({ reporter: ['json'] }))
    expect(report).toEqual(before)
  })

  it.each([
    ['create: () => ({ onFinsh() {} })', 'onFinsh', 'did you mean "onFinish"?'],
    ['create: () => ({ onfinish: () => {} })', 'onfinish', 'did you mean "onFinish"?'],
    ['create: () => new (class { onSamples() {} })()', 'onSamples', 'did you mean "onSample"?'],
    ['create: () => ({ onTestRunEnd() {} })', 'onTestRunEnd', 'use one of: onPrepare, '],
  ])('gets a warning of a method that looks like a hook: %s', async (code, hook, fix) => {
    writeFileSync(join(root, 'typo.mjs'), `export default { name: 't', description: 't', ${code} }\n`)
    const { out, err } = await outputOf({ reporter: ['./typo.mjs', './mine.ts'] })
    expect(out).toBe(`${report.seed}\n`)
    expect(err).toMatch(/^warning {2}\S*typo\.mjs/)
    expect(err).toContain(`the reporter "./typo.mjs" has the method ${hook}(), and there is no such hook.`)
    expect(err).toContain(`fix: ${fix}`)
  })

  it('may have other methods, which isobench does not read', async () => {
    const members = 'once() {}, on() {}, only: 1, get onFinsh() { throw new Error("read") }'
    const code = `create: () => ({ ${members} })`
    writeFileSync(join(root, 'other.mjs'), `export default { name: 'o', description: 'o', ${code} }\n`)
    expect((await outputOf({ reporter: ['./other.mjs'] })).err).toBe('')
  })

  it('that writes nothing leaves an empty file, and not the report of an older run', async () => {
    writeFileSync(join(root, 'quiet.mjs'), "export default { name: 'q', description: 'q', create: () => ({}) }\n")
    writeFileSync(join(root, 'stale.txt'), 'FAILS\n')
    await outputOf({ reporter: ['./quiet.mjs=stale.txt', './mine.ts'] })
    await outputOf({ reporter: ['./quiet.mjs=out/new.txt', './mine.ts'] })
    expect(['stale.txt', 'out/new.txt'].map((file) => readFileSync(join(root, file), 'utf8'))).toEqual(['', ''])
  })

  it('may write its file by itself', async () => {
    const create = 'create: ({ file }) => ({ onFinish: () => writeFileSync(file, "own") })'
    const code = `export default { name: 'o', description: 'o', ${create} }\n`
    writeFileSync(join(root, 'own.mjs'), `import { writeFileSync } from 'node:fs'\n${code}`)
    await outputOf({ reporter: ['./own.mjs=own.txt', './mine.ts'] })
    expect(readFileSync(join(root, 'own.txt'), 'utf8')).toBe('own')
  })

  it('fails the command if its file cannot be written, and names the command that needs no new run', async () => {
    writeFileSync(join(root, 'stored.jsonl'), '')
    const written = { ...report, record: join(root, 'stored.jsonl') }
    const io = { cwd: root, out: process.stderr, err: process.stderr, color: false, commands: [] }
    const created = await createReporters({ reporter: ['json=late/r.json'], json: false, all: false }, { root }, io)
    writeFileSync(join(root, 'late'), '')
    await expect(created.onFinish(written)).rejects.toMatchObject({
      code: 'ISOBENCH_WRITE',
      fix: expect.stringMatching(
        /, then write it from the record: isobench report .*stored.jsonl --reporter json=late/,
      ),
    })
    await expect(created.onFinish(report)).rejects.toMatchObject({ fix: expect.not.stringContaining('the record') })
    const pipe = join(root, 'pipe')
    execFileSync('mkfifo', [pipe])
    await expect(created.onFinish({ ...report, record: pipe })).rejects.toMatchObject({
      fix: expect.stringMatching(/: isobench report FILE --reporter json=late\/r.json$/),
    })
  })

  it('must be the default export of a file that there is', async () => {
    await expect(outputOf({ reporter: ['./empty.ts'] })).rejects.toThrow('has no create function')
    await expect(outputOf({ reporter: ['./none.ts'] })).rejects.toThrow('it has no default export')
    await expect(outputOf({ reporter: ['./absent.ts'] })).rejects.toThrow(/[Cc]ould not resolve/)
  })
})

describe('reporters', () => {
  it('of the command line replace those of the config', async () => {
    const { out } = await outputOf({ reporter: ['./mine.ts'], configured: [['./mine.ts', { prefix: '- ' }]] })
    expect(out).toBe(`${report.seed}\n`)
    expect(JSON.parse((await outputOf({ json: true, configured: ['./mine.ts'] })).out).seed).toBe(report.seed)
  })

  it('for people write no file; the message names each one that does', async () => {
    const fix = await outputOf({ reporter: ['dot=x'] }).catch((error) => error.fix)
    for (const { name, isDocument } of Object.values(reporters)) if (isDocument) expect(fix).toContain(name)
  })

  it('that are built in have no options, and a wrong name gets a near one', async () => {
    await expect(outputOf({ configured: [['html', { dark: true }]] })).rejects.toThrow('"html" has no options')
    await expect(outputOf({ reporter: ['htm'] })).rejects.toMatchObject({ fix: 'did you mean "html"?' })
  })
})

describe('a run beside a baseline', () => {
  const stored = new URL('../../fixtures/records/prime-latency-boot.jsonl', import.meta.url)
  const lines = readFileSync(stored, 'utf8').split('\n')
  const before = join(root, 'before.jsonl')
  const now = join(root, 'now.jsonl')
  writeFileSync(before, lines.join('\n'))
  // gVisor has no sample any more.
  writeFileSync(now, lines.filter((line) => !/^\{"type":"sample".*"platform":"gvisor"/.test(line)).join('\n'))

  const lost = (allowMissing: string[]) =>
    regressions(
      baselineReader({ name: 'before', file: before }, { margin: 5, allowMissing })({ ...report, record: now })
        .comparison,
    )

  it('has the regressions that decide the exit code, without what may be missing', () => {
    expect(new Set(lost([]).map(({ platform, change }) => `${platform} ${change}`))).toEqual(new Set(['gvisor lost']))
    expect(lost(['gvisor'])).toEqual([])
  })

  it('does not pass in the report if it regressed', async () => {
    const written = { out: '' }
    const write = (text: string) => {
      written.out += text
      return true
    }
    const out = { write, isTTY: false, columns: 100 } as unknown as NodeJS.WriteStream
    const io = { cwd: root, out, err: out, color: false, commands: [] }
    const options = { baseline: before, margin: 5, strict: false, all: false, json: false }
    expect(await reportCommand.run([now], options as never, io as never)).toBe(0)
    expect(written.out).toMatch(/^\n?✗ FAIL {2}(\d+ results? regressed|\d+ results? of the baseline \S+ (is|are) lost)/)
    expect(written.out).not.toContain('PASS')
    expect(written.out).toContain('the baseline has a result, and this run has none')
  })

  it('of a lost shard warns of it if its reporters have results alone', async () => {
    const [head, ...rest] = lines
    const start = JSON.parse(head!)
    start.plan.excluded = [{ bench: 'x.bench.ts#a', reason: 'shard-missing', detail: '2/3' }]
    const file = join(root, 'lost.jsonl')
    writeFileSync(file, [JSON.stringify(start), ...rest].join('\n'))
    const errorsOf = async (reporter: string) => {
      const written = { out: '', err: '' }
      const stream = (name: 'out' | 'err') =>
        ({ write: (text: string) => (written[name] += text), columns: 100 }) as unknown as NodeJS.WriteStream
      const io = { cwd: root, out: stream('out'), err: stream('err'), color: false, commands: [] }
      const options = { reporter: [reporter], margin: 5, strict: false, all: false, json: false }
      await reportCommand.run([file], options as never, io as never)
      return written.err
    }
    expect(await errorsOf('bmf')).toBe(
      `warning  ${file}: Incomplete: no samples of 1 bench of shard 2/3, so claims about them are not evaluated: ` +
        'x.bench.ts#a.\n',
    )
    expect(await errorsOf('markdown')).toBe('')
  })
})
