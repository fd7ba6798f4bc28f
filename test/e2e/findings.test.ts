/** `isobench findings` on a stored record, on a new run, and on imported results. */

import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { codeBlocks } from '../support/code-blocks.ts'
import { benchFile, expectNoStack, type Outcome, Project, repository } from './support/cli.ts'
import { ensureImage } from './support/host.ts'

const stored = join(repository, 'test/fixtures/records/prime-latency-boot.jsonl')

interface Findings {
  readonly exit: { readonly code: number }
  readonly findings: {
    readonly id: number
    readonly outcome: string
    readonly direction: string | null
    readonly reasons: { readonly code: string }[]
    readonly missingPlatforms: string[]
    readonly claims: { readonly outcome: string }[]
    readonly failsRun: boolean
  }[]
}
const jsonOf = ({ stdout }: Outcome) => JSON.parse(stdout) as Findings

describe('the paper’s findings by a stored record, with this repository’s benches', () => {
  using project = Project.with()
  const findings = (...args: string[]) =>
    project.isobench(['findings', ...args], { cwd: relative(project.root, repository) })

  test('are all 28, A1 to A7 and newer ones, with claims, and those not evaluated name what is missing', async () => {
    const done = await findings('--record', stored, '--json')
    const result = jsonOf(done)
    expect(result.findings.map(({ id }) => id)).toEqual([
      ...Array.from({ length: 28 }, (_, at) => at + 1),
      ...Array.from({ length: 7 }, (_, at) => 101 + at),
      ...Array.from({ length: 7 }, (_, at) => `2026-${at + 1}`),
    ])
    for (const { id, outcome, missingPlatforms, reasons, claims } of result.findings) {
      expect(claims.length, `finding ${id}`).toBeGreaterThan(0)
      const isLeftOut = reasons.some(({ code }) => code === 'not-measured')
      if (outcome === 'not-evaluated') expect(missingPlatforms.length > 0 || isLeftOut, `finding ${id}`).toBe(true)
    }
    expect(result.findings.filter(({ outcome }) => outcome !== 'not-evaluated')).toMatchObject([
      { id: 1, outcome: 'contradicted', direction: 'worse', failsRun: true },
      { id: 2, outcome: 'contradicted', direction: 'worse', failsRun: true },
      { id: 13, outcome: 'holds-in-part' },
    ])
    expect(done.exitCode).toBe(1)
    expect(result.exit.code).toBe(1)
  })

  test('are explained by number, as a table and as Markdown; an unknown number is refused', async () => {
    const [explained, table, markdown, unknown, paper, refused] = await Promise.all([
      findings('2', '102', '--explain', '--record', stored),
      findings('2', '14', '--record', stored),
      findings('--markdown', '--record', stored),
      findings('99', '--record', stored),
      findings('22', '--paper'),
      findings('22', '--paper', '--record', stored),
    ])
    expect(paper.exitCode).toBe(0)
    expect(paper.stdout).toMatch(/^ *22 {2}✓ holds +kata 0\.5 .*as stated/m)
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain("--paper judges the paper's numbers")
    expect(explained.exitCode).toBe(1)
    expect(explained.stdout).toMatch(
      /Finding 2: .*\n[\s\S]*claimed +equivalent to native within ±5 %[\s\S]*samples +gvisor +1: /,
    )
    expect(explained.stdout).toMatch(/Finding 102: A2: /)
    expect(table.stdout).toMatch(/^ *2 {2}✗ contradicted .*worse$/m)
    expect(table.stdout).toMatch(
      /needs firecracker, qemu, cloud-hypervisor, qemu-microvm,\s+qemu-qboot: not in this run/,
    )
    expect(markdown.stdout).toMatch(/^\| 2 \| .*\| ✗ contradicted \| gvisor 0\.752 .*\| worse \|$/m)
    expect(unknown.exitCode).toBe(5)
    expect(unknown.stderr).toContain('no finding "99"')
    expectNoStack(unknown)
  })

  test('judge results of another lab, as docs/how-to/import-results.md has them', async () => {
    const page = 'docs/how-to/import-results.md'
    const blocks = codeBlocks(page, readFileSync(join(repository, page), 'utf8'))
    const example = blocks.find(({ attributes }) => attributes.file === 'lab.json')!.text
    project.write({ 'lab.json': example, 'wrong.json': example.replace('"events/s"', '"event/s"') })
    const [listed, explained, judged, refused] = await Promise.all([
      findings('--all', '--record', project.path('lab.json')),
      findings('13', '--explain', '--record', project.path('lab.json')),
      project.isobench(['judge', project.path('lab.json'), '--all'], { cwd: relative(project.root, repository) }),
      findings('--record', project.path('wrong.json')),
    ])
    expect(listed.stdout).toContain('our lab, spring 2023, AMD EPYC 7542')
    expect(listed.stdout.replace(/\s+/g, ' ')).toContain(
      'needs docker, gvisor, lxc-systemd: not among the imported results',
    )
    expect(explained.stdout).toMatch(/at most 600 ms\n +measured +100 \[100, 100\] ms, as stated/)
    expect(judged.stdout).toContain('prime verification')
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('event/s')
    expectNoStack(refused)
  })
})

describe('after a run', () => {
  beforeAll(ensureImage)

  test('findings judge the latest record by the claims as they are now, and measure nothing', async () => {
    const code = `const { stdout } = await guest.exec(command('uname', '-n'))
    return { time: await say(stdout.trim() === 'isobench' ? 200 : 100) }`
    const stating = (matcher: string) => `${benchFile(code)}
finding(1, 'runc costs next to nothing', [expect(it.time).on('runc').${matcher}])
finding(2, 'osv costs nothing', [expect(it.time).on('osv').withinNative(5)])
`
    using project = Project.of(stating('worseThan("native", { by: "1.5x" })'))
    expect((await project.run(['--rounds', '5'])).exitCode).toBe(0)
    const before = await project.isobench(['findings', '--all'])
    expect(before.exitCode).toBe(0)
    expect(before.stdout).toMatch(/1 {2}✓ holds +runc 2 \[2, 2\] ×native, time/)
    expect(before.stdout).toContain('needs osv: not in this run')
    project.write({ 'benches/it.bench.ts': stating('withinNative(5)') })
    const after = await project.isobench(['findings', '--json'])
    const [first, second] = jsonOf(after).findings
    expect(second).toMatchObject({ id: 2, outcome: 'not-evaluated', missingPlatforms: ['osv'] })
    // Others may have had the CPUs while it was measured: what is contradicted is then in doubt, and fails nothing.
    if (first!.outcome === 'inconclusive')
      expect(first).toMatchObject({ reasons: [{ code: 'host-overloaded' }], failsRun: false })
    else expect(first).toMatchObject({ outcome: 'contradicted', direction: 'worse', failsRun: true })
    expect(after.exitCode).toBe(first!.failsRun ? 1 : 0)
    expect(project.records()).toHaveLength(1)
  })
})
