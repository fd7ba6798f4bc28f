import { expect, test } from 'vitest'
import { benchFile, expectNoStack, Project } from './support/cli.ts'

/** A config with native, and drivers of the project that fail in other ways. */
const config = `import { defineConfig, platform } from 'isobench'
import { defineDriver, idleCommand, inChroot } from 'isobench/driver'

const mine = defineDriver({
  kind: 'mine', family: 'container', description: 'a chroot',
  options: { parse: (input) => input },
  requirements: () => [],
  oneShot: async (sandbox, argv) => sandbox.wrap([...inChroot(await sandbox.chrootDir(), argv)]),
  boot: async (sandbox) => ({ execArgv: (argv) => sandbox.wrap(idleCommand) }),
})
const throws = defineDriver({ ...mine, kind: 'throws',
  requirements: () => { throw new Error('no list') },
})
const exits = defineDriver({ ...mine, kind: 'exits',
  version: () => process.exit(0),
})
const waits = defineDriver({ ...mine, kind: 'waits',
  boot: () => new Promise<never>(() => {}),
})
const loops = defineDriver({ ...mine, kind: 'loops',
  boot: async () => { for (;;); },
})
const nests = defineDriver({ ...mine, kind: 'nests',
  boot: (sandbox) => sandbox.oncePerRun('d', () => sandbox.oncePerRun('d', async () => ({ execArgv: () => [] }))),
})
export default defineConfig({
  platforms: [platform('native'), ...[throws, exits, waits, loops, nests].map((driver) => platform(driver))],
})
`

/** The line of the config with this text, and its column. */
function placeOf(text: string): { line: number; column: number } {
  const lines = config.split('\n')
  const line = lines.findIndex((one) => one.includes(text))
  return { line: line + 1, column: lines[line]!.indexOf(text) + 1 }
}

test('drivers of the project that fail are named with the method and its line, and the others run', async () => {
  using project = Project.of(benchFile('return { time: await say(1) }', '{ timeout: 1 }'))
  project.write({ 'isobench.config.ts': config })
  const { report, ...outcome } = await project.run(['--rounds', '1', '--no-remeasure'])
  expectNoStack(outcome as never)
  const thrown = placeOf("new Error('no list')")
  const exit = placeOf('exit(0)')
  expect(report.platforms).toMatchObject([
    { name: 'native', available: true },
    {
      name: 'throws',
      available: false,
      reason:
        'requirements() of the driver of "throws" failed: no list ' +
        `(isobench.config.ts:${thrown.line}:${thrown.column})`,
    },
    {
      name: 'exits',
      available: false,
      reason:
        'version() of the driver of "exits" failed: it called process.exit(0); throw an error instead ' +
        `(isobench.config.ts:${exit.line}:${exit.column})`,
    },
    { name: 'waits', available: true },
    { name: 'loops', available: true },
    { name: 'nests', available: true },
  ])
  const errors = Object.fromEntries(report.cases[0]!.results.map((result) => [result.platform, result.errors]))
  expect(errors.native).toEqual([])
  const late = (name: string) => `boot() of the driver of "${name}" did not end within the 1 s of the sample`
  expect(errors.waits).toMatchObject([
    { message: expect.stringContaining(late('waits')), location: { line: placeOf('() => new Promise').line } },
  ])
  expect(errors.loops).toMatchObject([
    { message: expect.stringContaining(late('loops')), location: { line: placeOf('for (;;)').line } },
  ])
  expect(errors.nests).toMatchObject([
    {
      message: expect.stringContaining("oncePerRun('d') is called while it creates 'd', and would wait for itself"),
      location: { line: placeOf("sandbox.oncePerRun('d'").line },
    },
  ])
})

test('a failed clean-up of a resource of the whole run is a problem of the run, and clean repeats it', async () => {
  using project = Project.of(benchFile('return { time: await say(1) }', '{ expect: { time: expect.atMost("2 ms") } }'))
  const mark = project.path('tried')
  const script = `test -e '${mark}' || { touch '${mark}'; exit 1; }`
  const leaves = `const leaves = defineDriver({ ...mine, kind: 'leaves',
  boot: async (sandbox) => {
    await sandbox.oncePerRun('d', (run) => run.onCleanup('a pod', ['sh', '-c', ${JSON.stringify(script)}]))
    const folder = await sandbox.chrootDir()
    return { execArgv: (argv) => sandbox.wrap(inChroot(folder, argv)) }
  },
})
export default defineConfig({ platforms: [platform('native'), platform(leaves)] })
`
  project.write({ 'isobench.config.ts': config.slice(0, config.indexOf('const throws')) + leaves })
  const { report } = await project.run(['--rounds', '5', '--no-remeasure'])
  expect(report.problems).toMatchObject([
    { file: 'isobench.config.ts', message: expect.stringContaining('the command of onCleanup() that removes a pod') },
  ])
  expect(report.exit.code).toBe(5)
  const { exitCode } = await project.isobench(['clean'])
  expect(exitCode).toBe(0)
})

test('a driver that loops after an await is not available, and the doctor checks the others', async () => {
  using project = Project.of(benchFile('return { time: await say(1) }'))
  const late = `const version = defineDriver({ ...mine, kind: 'version',
  version: async () => { await 1; for (;;); },
} as never)
const preflight = defineDriver({ ...mine, kind: 'preflight',
  preflight: async () => { await 1; for (;;); },
})
const exec = defineDriver({ ...mine, kind: 'exec',
  boot: async () => ({ execArgv: async () => { await 1; for (;;); } }) as never,
})
export default defineConfig({
  platforms: [platform('native'), ...[mine, version, preflight, exec].map((driver) => platform(driver))],
})
`
  const text = config.slice(0, config.indexOf('const throws')) + late
  project.write({ 'isobench.config.ts': text.replace('wrap(idleCommand)', "wrap(['/bin/true'])") })
  const outcome = await project.isobench(['doctor', '--json', '--wait-for-lock'])
  expectNoStack(outcome)
  const lines = text.split('\n')
  const loop = (name: string) => {
    const at = lines.findIndex(
      (line, at) => line.includes('for (;;)') && at > lines.findIndex((one) => one.includes(`const ${name}`)),
    )
    return expect.stringMatching(
      new RegExp(`ran a loop for more than 20 s \\(isobench\\.config\\.ts:${at + 1}:\\d+\\)$`),
    )
  }
  const { platforms } = JSON.parse(outcome.stdout) as { platforms: unknown[] }
  expect(platforms).toMatchObject([
    { name: 'native', available: true },
    { name: 'mine', available: true },
    { name: 'version', available: false, reason: loop('version') },
    { name: 'preflight', available: false, reason: loop('preflight') },
    { name: 'exec', available: false, reason: loop('exec') },
  ])
  expect(outcome.exitCode).toBe(5)
})
