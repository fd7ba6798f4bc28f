import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { script, temporary } from '../host/children.ts'

const { path: folder, remove } = temporary()
afterAll(remove)

beforeAll(async () => {
  await script(
    folder,
    'program',
    `import { endSignals, ignoreSignals } from './src/util/signals.ts'
    ignoreSignals()
    process.kill(process.pid, process.argv[2])
    setTimeout(() => console.log(endSignals.join(' ')), 50)`,
  )
})

/** What the program prints after it got the signal, if a shell starts it with this line. */
function after(signal: string, line: string, shell = 'bash'): string {
  const start = `'${process.execPath}' program.mjs ${signal}`
  // `_` as it is in a shell that nohup did not start.
  const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, _: shell }, timeout: 20_000 } as const
  return execFileSync(shell, ['-c', line.replace('PROGRAM', start)], options).trim()
}

it('SIGHUP stays ignored if the starter ignores it', () => {
  expect(after('SIGHUP', 'nohup PROGRAM 2> errors; exit $?')).toBe('SIGINT SIGTERM')
  expect(after('SIGHUP', 'trap "" HUP; PROGRAM; exit $?', 'sh')).toBe('SIGINT SIGTERM')
  // As nohup leaves it if it is a terminal, also without a shell that sets `_`.
  expect(after('SIGHUP', 'trap "" HUP; exec env -u _ PROGRAM 0> /dev/null')).toBe('SIGINT SIGTERM')
})

it('SIGHUP ends a process that was started without it', () => {
  expect(after('SIGWINCH', 'PROGRAM; exit $?')).toBe('SIGINT SIGTERM SIGHUP')
  expect(after('SIGHUP', 'PROGRAM; echo $?')).toBe('129')
})

it('SIGUSR1 starts no debugger, and ends nothing', () => {
  expect(after('SIGUSR1', 'PROGRAM 2>&1; exit $?')).toBe('SIGINT SIGTERM SIGHUP')
})
