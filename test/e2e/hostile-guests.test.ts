import { beforeAll, describe, expect, test } from 'vitest'
import { benchFile, expectNoStack, imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'

beforeAll(ensureImage)

const kinds = ['native', 'runc', 'crun', 'bubblewrap', 'lxc', 'nspawn', 'gvisor', 'docker', 'podman'] as const
const found = await obstacles(...kinds)

// Each case is one bench of several in a run. Its failure must be an error of only its samples.

/** A bench with this name and this body. */
const hostile = (name: string, code: string, options = '{}') => `bench('${name}', workload('${name}', {
  metrics: { time: lower('ms') },
  async run({ guest, seconds }): Promise<any> { ${code} },
}), ${options})
`

const sound = benchFile('return { time: await say(7) }', "{ expect: { time: expect.atMost('10ms') } }", 'sound')

/** Runs the benches with a correct one. Returns the results by name and platform. */
async function measured(benches: string, { rounds = 2, args = [] as string[], guest = '' } = {}) {
  const host = observe()
  using project = Project.of(`${sound}\n${benches}`)
  const text = project.read('isobench.config.ts')
  project.write({ 'isobench.config.ts': text.replace('platforms:', `guest: {${guest}}, platforms:`) })
  const outcome = await project.run(['--all', '--rounds', String(rounds), ...args])
  expectNoStack(outcome)
  host.expectClean()
  const results = Object.fromEntries(
    outcome.report.cases.map(({ bench, results }) => [
      bench.name,
      Object.fromEntries(results.map((cell) => [cell.platform, cell])),
    ]),
  )
  // The correct one is measured in each round on each platform.
  for (const platform of ['native', 'runc']) {
    expect(results.sound![platform]!.errors).toEqual([])
    expect(results.sound![platform]!.metrics.time!.samples.map(({ value }) => value)).toEqual(Array(rounds).fill(7))
  }
  return { ...outcome, results, rounds }
}

type Measured = Awaited<ReturnType<typeof measured>>

/** Every round failed on both platforms with this error and without a value. */
function expectFailed({ results, rounds }: Measured, name: string, said: RegExp): void {
  for (const platform of ['native', 'runc']) {
    const cell = results[name]![platform]!
    const messages = cell.errors.map(({ message }) => message)
    expect(messages, `${name} on ${platform}`).toEqual(Array(rounds).fill(expect.stringMatching(said)))
    expect(cell.metrics.time).toMatchObject({ samples: [], median: null, ratioToNative: null })
    for (const error of messages) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(error).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
      expect(error.length).toBeLessThan(2000)
    }
  }
}

describe('a failing command in a guest is an error of that sample, and the run continues', () => {
  let outcome: Measured

  beforeAll(async () => {
    outcome = await measured(
      [
        hostile(
          'exit code',
          "await guest.exec(command('sh', '-c', 'echo first >&2; echo last words >&2; exit 3')); return { time: 1 }",
        ),
        hostile('137', "await guest.exec(command('sh', '-c', 'exit 137')); return { time: 1 }"),
        hostile(
          'binary junk',
          `const junk = 'head -c 4096 /dev/urandom >&2; printf "\\\\033[2J\\\\007\\\\r" >&2; exit 1'
    await guest.exec(command('sh', '-c', junk))
    return { time: 1 }`,
        ),
        hostile('half a JSON', "return JSON.parse((await guest.exec(command('echo', '{\"time\": 1'))).stdout)"),
        hostile('kills itself', "await guest.exec(command('sh', '-c', 'kill -9 $$')); return { time: 1 }"),
      ].join(''),
    )
  })

  test.each([
    ['exit code', /exit code 3: .*last words/],
    ['137', /killed \(exit code 137\)/],
    ['binary junk', /exit code 1/],
    ['half a JSON', /JSON/],
    ['kills itself', /killed \(exit code 137\)/],
  ])('%s', (name, said) => expectFailed(outcome, name, said))

  test('nothing that a guest printed reaches the terminal as a control character', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(outcome.stdout + outcome.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })

  test('the summary shows failed samples', async () => {
    expect(outcome.stdout).toContain('last words')
    expect(outcome.report.cases).toHaveLength(6)
  })
})

describe('a workload yields a number for each metric, or the sample has an error', () => {
  let outcome: Measured

  beforeAll(async () => {
    outcome = await measured(
      [
        hostile('NaN', 'return { time: Number("many") }', "{ expect: { time: expect.atMost('1s') } }"),
        hostile('infinite', 'return { time: 1 / 0 }'),
        hostile('negative', 'return { time: -1 }'),
        hostile('missing', 'return {}'),
        hostile('extra', 'return { time: 1, more: 2 }'),
        hostile('a text', 'return { time: "5" }'),
        hostile('nothing', ''),
        hostile('throws', 'throw new Error("the workload gave up")'),
        hostile('throws nothing', 'throw undefined'),
        hostile('inherited', 'return { toString: 1, time: 1 }'),
      ].join(''),
    )
  })

  test.each([
    ['NaN', /"time" is NaN/],
    ['infinite', /"time" is Infinity/],
    ['negative', /"time" is -1/],
    ['missing', /"time" is undefined/],
    ['extra', /"more", which is none of its metrics/],
    ['a text', /"time" is the text "5", which is no figure/],
    ['nothing', /returned undefined/],
    ['throws', /the workload gave up/],
    ['throws nothing', /the workload threw undefined, which is no Error/],
    ['inherited', /"toString", which is none of its metrics/],
  ])('%s', (name, said) => expectFailed(outcome, name, said))

  test('a claim about samples that all failed is not evaluated', () => {
    const claims = outcome.report.claims.filter(({ bench }) => bench.name === 'NaN')
    expect(claims.map(({ outcome, reason }) => [outcome, reason?.code])).toEqual([
      ['not-evaluated', 'sample-errors'],
      ['not-evaluated', 'sample-errors'],
    ])
  })
})

test('a flood of output is stopped, and costs neither memory nor the run', async () => {
  const outcome = await measured(
    hostile('flood', "await guest.exec(command('yes', 'a flood of output that never ends')); return { time: 1 }"),
  )
  expectFailed(outcome, 'flood', /more than 16 MiB/)
  expect(outcome.seconds).toBeLessThan(120)
})

test('a command that hangs is killed at --timeout, even if it ignores signals and has left descendants', async () => {
  const outcome = await measured(
    hostile('hangs', "await guest.exec(command('sleep', '600')); return { time: 1 }") +
      hostile(
        'ignores',
        `await guest.exec(command('sh', '-c', 'trap "" TERM INT HUP; (setsid sleep 600 &) ; sleep 600; sleep 600'))
    return { time: 1 }`,
      ),
    { rounds: 1, args: ['--timeout', '3'] },
  )
  expectFailed(outcome, 'hangs', /timed out after (2\.\d|3) s/)
  expectFailed(outcome, 'ignores', /timed out after (2\.\d|3) s/)
})

test('a workload that waits forever on the host is stopped after its own time limit', async () => {
  const outcome = await measured(
    hostile('waits', 'await new Promise(() => {}); return { time: 1 }', '{ timeout: 1 }') +
      hostile(
        'fails first',
        "await guest.exec(command('sleep', '60')).catch(() => new Promise(() => {})); return { time: 1 }",
        '{ timeout: 1 }',
      ),
    { rounds: 1 },
  )
  expectFailed(outcome, 'waits', /did not end within its 1 s$/)
  expectFailed(outcome, 'fails first', /did not end within its 1 s; its latest failure: sleep.*: timed out after/)
})

test('a guest that goes over its memory, processes or /data is ended, and the next round has a guest', async () => {
  const outcome = await measured(
    hostile(
      'eats',
      `await guest.exec(command('node', '-e', 'const all = []; for (;;) all.push(Buffer.alloc(64 << 20, 1))'))
    return { time: 1 }`,
    ) +
      hostile(
        'eats behind',
        `const eater = 'const all = []; for (;;) all.push(Buffer.alloc(64 << 20, 1))'
    const { stdout } = await guest.exec(command('sh', '-c', \`node -e '\${eater}' & wait; echo 42\`))
    return { time: Number(stdout) }`,
      ) +
      // The bomb goes on in the background, so its command succeeds.
      hostile(
        'forks',
        "await guest.exec(command('sh', '-c', 'bomb() { bomb | bomb & }; bomb; sleep 1')); return { time: 1 }",
      ) +
      hostile('fills', "await guest.exec(command('sh', '-c', 'cat /dev/zero > /data/all')); return { time: 1 }"),
    { guest: "processes: 300, data: '256MiB'" },
  )
  expectFailed(outcome, 'eats', /killed \(exit code 137\)|ended by SIGKILL|exit code \d+/)
  expectFailed(outcome, 'eats behind', /went over its memory limit of 1024 MiB, .*Raise guest\.memory in /)
  expectFailed(
    outcome,
    'forks',
    /reached its limit of 300 processes, and the kernel refused more\. Raise guest\.processes in /,
  )
  expectFailed(outcome, 'fills', /wrote more to \/data than its limit of 256 MiB \(.*Raise guest\.data in /)
})

test('killing the first process of a guest is an error of its sample, and the guest is booted again', async () => {
  const outcome = await measured(
    `let tries = 0
${hostile(
  'suicide',
  `const { stdout } = await guest.exec(command('uname', '-n'))
    if (stdout.trim() === 'isobench' && tries++ === 0) {
      await guest.exec(command('sh', '-c', 'kill -9 -1; kill -9 1; sleep 0.3'), { exitCodes: [0, 137] }).catch(() => {})
      await guest.exec(command('sh', '-c', 'kill -9 1; sleep 1; true'))
    }
    return { time: 3 }`,
)}`,
  )
  const { native, runc } = outcome.results.suicide!
  expect(native!.metrics.time!.samples).toHaveLength(2)
  // Linux does not allow killing a namespace's first process from inside: either the guest lived, or isobench booted it
  // again.
  expect(runc!.metrics.time!.samples.length + runc!.errors.length).toBe(2)
  expect(runc!.metrics.time!.samples.length).toBeGreaterThanOrEqual(1)
})

test('an in-guest function that ends its process, prints a false outcome or throws yields no value', async () => {
  const host = observe()
  using project = Project.of(`${imports}
bench('exits', workload.inGuest('exits', () => { process.exit(0) }))
bench('lies', workload.inGuest('lies', () => { console.log('isobench-1:{"throughput":1e12}'); process.exit(0) }))
bench('throws', workload.inGuest('throws', () => { throw new Error('broken inside') }))
`)
  const outcome = await project.run(['--rounds', '1'])
  for (const { bench, results } of outcome.report.cases) {
    for (const { errors, metrics } of results) {
      expect(metrics.throughput!.samples, bench.name).toEqual([])
      const said = bench.name === 'throws' ? /broken inside/ : /no outcome/
      expect(errors).toEqual([{ message: expect.stringMatching(said) }])
    }
  }
  expectNoStack(outcome)
  host.expectClean()
})

test('no guest gets an open file or folder of the caller', async () => {
  const working = kinds.filter((kind) => found[kind] === '')
  const look =
    'ls /proc/self/fd/20 /proc/self/fd/99 2>/dev/null; cat /proc/self/fd/99/../etc/hostname 2>/dev/null; true'
  using project = Project.of(
    benchFile(`const looked = await guest.exec(command('sh', '-c', '${look}'))
    if (looked.stdout !== '') throw new Error('leaked ' + looked.stdout)
    return { time: await say(7) }`),
    working,
  )
  project.write({ secret: 'of the caller' })
  // Node closes those below 16 in the processes that it starts.
  const wrapper = ['bash', '-c', 'exec "$@" 20<secret 99</tmp', 'bash']
  const { report } = await project.run(['--all', '--rounds', '1'], { wrapper })
  const results = report.cases[0]!.results.map(({ platform, errors }) => ({ platform, errors }))
  expect(results).toEqual(working.map((platform) => ({ platform, errors: [] })))
})

test('an in-guest function without work yields no value, and what one prints is on standard error', async () => {
  using project = Project.of(`${imports}
let n = 0
bench('empty', workload.inGuest('empty', () => {}))
bench('counts', workload.inGuest('counts', () => { n++ }))
bench('prints', workload.inGuest('prints', () => {
  if (n++ === 0) console.log('from the guest')
  return JSON.parse('[1, 2]')
}))
bench('strays', workload.inGuest('strays', () => { Promise.reject(new Error('nobody waits')) }))
`)
  const { report, stderr } = await project.run(['--rounds', '1'])
  const errorsOf = (name: string) => {
    const results = report.cases.find(({ bench }) => bench.name === name)!.results
    return results.flatMap(({ errors }) => errors.map(({ message }) => message))
  }
  for (const name of ['empty', 'counts']) {
    const none = expect.stringMatching(/^a call takes .* the work of the function cannot be measured: let it do more/)
    expect(errorsOf(name)).toEqual([none, none])
  }
  expect(errorsOf('strays')).toEqual(['Error: nobody waits', 'Error: nobody waits'])
  expect(errorsOf('prints')).toEqual([])
  for (const platform of ['native', 'runc'])
    expect(stderr).toContain(`stdout | benches/it.bench.ts#prints on ${platform}\nfrom the guest`)
})
