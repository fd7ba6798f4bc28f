import { runInNewContext } from 'node:vm'
import { afterEach, expect, it, vi } from 'vitest'
import { BootError } from '../../../src/host/sandbox.ts'
import { runTimed } from '../../../src/host/timed-process.ts'
import { errorMessage, keyLines, messageOf, readableError, UsageError } from '../../../src/util/errors.ts'
import { bootTimeout, checkTimeLimits, importTimeout } from '../../../src/util/time-limits.ts'

afterEach(() => vi.unstubAllEnvs())

/** The error of Firecracker v1.15.1 about a tap that belongs to another user, as the VM supervisor prints it. */
const monitor =
  'isobench: the guest ended before it was ready; vmm: 2026-11-26T00:23:40.389209182 [vm:main] RunWithApiError ' +
  'error: Failed to build MicroVM from Json: Configuration for VMM from one single json failed: Network device ' +
  'error: Could not create the network device: Open tap device failed: Error while creating ifreq structure: ' +
  'Operation not permitted (os error 1). Invalid TUN/TAP Backend provided by isob0. Check our documentation on ' +
  'setting up the network devices. | 2026-11-26T00:23:40.394758517 [vm:main] Firecracker exiting with error. ' +
  'exit_code=1'

it('has a message for whatever user code throws', () => {
  expect(messageOf(Promise.resolve(5))).toBe('a promise')
  const hostile = new Proxy(new Error('x'), {
    getPrototypeOf() {
      throw new Error('a trap')
    },
  })
  expect(messageOf(hostile)).toBe('it threw a value that throws an error when it is read')
  expect(readableError(hostile)).toBeInstanceOf(Error)
  const unreadable = Object.defineProperty(new AggregateError([]), 'errors', {
    get() {
      throw new Error('a getter')
    },
  })
  expect(messageOf(unreadable)).toBe('it threw a value that throws an error when it is read')
  expect(messageOf(Object.assign(new Error(''), { name: 404, cause: 'gone' }))).toBe('404: gone')
  const plain = Object.freeze(new Error('plain'))
  expect(readableError(plain)).toBe(plain)
  expect(messageOf(new AggregateError([new Error('IPv4'), 'IPv6']))).toBe('AggregateError: IPv4; IPv6')
  expect(messageOf(new AggregateError([1, 2], 'All failed.'))).toBe('All failed: 1; 2')
  const both = { error: new Error('not removed'), suppressed: new UsageError('the cause') }
  const suppressed = Object.assign(new Error('An error was suppressed during disposal'), { name: 'SuppressedError' })
  expect(messageOf(Object.assign(suppressed, both))).toBe('the cause; then: not removed')
  expect(messageOf(new Error('failed', { cause: suppressed }))).toBe('failed: the cause; then: not removed')
  expect([null, undefined, 'text', Symbol('s')].map(messageOf)).toEqual(['null', 'undefined', 'text', 'Symbol(s)'])
})

it('names the causes of an error, three at most, each once', () => {
  const refused = new Error('connect ECONNREFUSED 10.0.0.1:80')
  expect(messageOf(new TypeError('fetch failed', { cause: refused }))).toBe(`fetch failed: ${refused.message}`)
  const chain = ['d', 'c', 'b', 'a', '0'].reduce((cause, text) => new Error(text, { cause }), new Error('e'))
  expect(messageOf(chain)).toBe('0: a: b: c')
  expect(messageOf(new Error(`no server: ${refused.message}`, { cause: refused }))).toBe(
    `no server: ${refused.message}`,
  )
  for (const text of ['Expected values to be equal:\n\n1 !== 2', `${'long '.repeat(200)}text`]) {
    const [raw, onOneLine] = [text, messageOf(text)].map(
      (part) => new Error(`late: ${part}`, { cause: new Error(text) }),
    )
    expect(errorMessage(raw!)).toBe(`late: ${text}`)
    expect(errorMessage(onOneLine!)).toBe(`late: ${messageOf(text)}`)
  }
  expect(messageOf(new Error('no', { cause: null }))).toBe('no')
  const self = new AggregateError([], 'itself')
  self.errors.push(self)
  expect(messageOf(Object.assign(self, { cause: self }))).toBe('itself')
  expect(messageOf(Object.assign(new UsageError('said in full'), { cause: refused }))).toBe('said in full')
})

it('reads an error of another realm', () => {
  const foreign = runInNewContext("new RangeError('elsewhere')") as unknown
  expect(foreign).not.toBeInstanceOf(Error)
  expect(messageOf(foreign)).toBe('elsewhere')
})

it('keeps the source and the cause of a long line', () => {
  expect(keyLines(`\n${monitor}\n`)[0]).toMatch(/^isobench: the guest ended .*Operation not permitted \(os error 1\)/)
})

/** What runsc prints to standard error for a flag that it does not know, with fewer flags. */
const usage = [
  'flag provided but not defined: -nonsense',
  'Usage of runsc:',
  '  -alsologtostderr',
  '    \tsend log messages to stderr.',
  '  metric-metadata  export metadata of metrics registered in this build',
  'Use "runsc flags" for a list of global flags.',
]

it('keeps the first line, which has the cause if a usage follows, and the last ones', () => {
  expect(keyLines(usage.join('\n'))).toEqual([usage[0], '…', usage[4]!.trim(), usage[5]])
  expect(keyLines(`${usage[0]}\n${'\n'.repeat(5)}${'x\n'.repeat(100_000)}end`)).toEqual([usage[0], '…', 'x', 'end'])
  expect(keyLines('one\n\ntwo\r\nthree\n')).toEqual(['one', 'two', 'three'])
  expect(keyLines(' \n')).toEqual([])
})

it('does not let one long line hide the others', () => {
  const [first, , last] = keyLines(`cause ${'x'.repeat(1000)}\na\nb`)
  expect([first!.length, last]).toEqual([200, 'b'])
})

it('reports the innermost cause of a VMM that could not start, as doctor does', async () => {
  const script = 'printf "%s\\n" "$0" >&2; exit 125'
  const error = await runTimed(['sh', '-c', script, monitor], { timeoutMs: 60_000, label: 'a boot on it' }).catch(
    (e) => e,
  )
  expect(messageOf(error)).toMatch(/^a boot on it: exit code 125: isobench: .*Operation not permitted \(os error 1\)/)
  const argv = `cgexec ${'--argument '.repeat(60)}`
  expect(messageOf(new BootError(`${argv}: exit code 125: ${monitor}`))).toMatch(
    /^cgexec .*… ?.*Operation not permitted/,
  )
})

it('has a line for whatever is thrown, also for an object that no text can be made of', () => {
  const thrown: unknown[] = [
    'text',
    undefined,
    5n,
    Symbol('s'),
    Object.create(null),
    { toString: 1 },
    [Object.create(null)],
  ]
  for (const one of thrown) expect(messageOf(one)).toMatch(/^.+$/)
  expect(messageOf('text')).toBe('text')
  const odd = new Error('x')
  odd.message = Object.create(null) as string
  expect(messageOf(odd)).toMatch(/^.+$/)
})

it('takes its limits from the environment, for machines that are emulated', () => {
  expect([bootTimeout(false), bootTimeout(true), importTimeout()]).toEqual([20, 90, 10])
  vi.stubEnv('ISOBENCH_PROBE_SECONDS', '600')
  vi.stubEnv('ISOBENCH_IMPORT_SECONDS', '1.5')
  expect([bootTimeout(false), bootTimeout(true), importTimeout()]).toEqual([600, 600, 1.5])
  vi.stubEnv('ISOBENCH_IMPORT_SECONDS', 'a minute')
  expect(importTimeout).toThrow(UsageError)
  expect(importTimeout).toThrow('ISOBENCH_IMPORT_SECONDS="a minute" is no number of seconds')
})

it.each(['PROBE', 'IMPORT', 'CALL', 'NATIVE'])('checks the limit ISOBENCH_%s_SECONDS before any is needed', (name) => {
  expect(checkTimeLimits).not.toThrow()
  vi.stubEnv(`ISOBENCH_${name}_SECONDS`, 'abc')
  expect(checkTimeLimits).toThrow(`ISOBENCH_${name}_SECONDS="abc" is no number of seconds`)
})
