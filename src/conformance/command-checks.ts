import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { guestEnv, hostEnvironment } from '../host/environment.ts'
import { type ConformanceCheck, eventually, type GuestUnderTest, oddArguments, shell, slow } from './check.ts'
import { describeExit, expectBytes, expectFailure, expectSuccess, expectText, expectThat } from './expectations.ts'
import { bootSeconds } from './traces.ts'

/** Returns the checks of how the guest runs commands. */
export function commandChecks(guest: GuestUnderTest): ConformanceCheck[] {
  /** Runs a command in the guest and returns the bytes of its outputs. */
  const bytesOf = (argv: readonly string[], input: Buffer) => {
    const [file, ...args] = guest.handle.execArgv(argv)
    const options = { input, timeout: bootSeconds * 1000, maxBuffer: 2 ** 25, env: hostEnvironment() }
    const { stdout, stderr, status, signal } = spawnSync(file, args, options)
    expectThat(status === 0, 'exit code 0', describeExit(status, signal))
    return { stdout, stderr }
  }
  return [
    {
      name: 'reports exit codes and signals',
      run: async () => {
        await expectSuccess('exit code 0', guest.exec(shell('exit 0')))
        await expectSuccess('exit code 7', guest.exec(shell('exit 7'), { exitCodes: [7] }))
        await expectFailure('exit code 7', /exit code 7/, guest.exec(shell('exit 7')))
        const killed = 'exit code 137 of a command that sends SIGKILL to itself, which process 1 of a namespace cannot'
        await expectFailure(killed, /137/, guest.exec(shell('kill -KILL $$')))
      },
    },
    {
      name: 'passes arguments as they are',
      run: async () => {
        const printing = guest.exec(shell('printf "%s|" "$@"', ...oddArguments))
        const { stdout } = await expectSuccess('exit code 0', printing)
        expectText('the arguments', `${oddArguments.join('|')}|`, stdout)
      },
    },
    {
      name: 'gives 10 MiB of bytes of every value from either output as they are',
      run: async () => {
        const bytes = randomBytes(10 * 1024 ** 2)
        const script = 'cat > /data/bytes; cat /data/bytes; cat /data/bytes >&2'
        const { stdout, stderr } = bytesOf(shell(script).argv, bytes)
        expectBytes('standard output', bytes, stdout)
        expectBytes('standard error', bytes, stderr)
      },
    },
    {
      name: 'takes a mebibyte of bytes of every value at its input and gives it back',
      run: async () => {
        const bytes = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + (at >> 8)) & 255))
        expectBytes('standard output', bytes, bytesOf(['cat'], bytes).stdout)
      },
    },
    {
      name: 'lets a command read its standard input to the end, with and without input',
      run: async () => {
        const command = shell('cat; echo end')
        for (const input of ['', 'a']) {
          // Without the end, the command would wait for it until its time is up.
          const expected = `the end of a standard input of ${input.length} bytes, which isobench closes`
          const { stdout } = await expectSuccess(expected, guest.exec(command, { input }))
          expectText('standard output', `${input}end\n`, stdout)
        }
      },
    },
    {
      name: 'keeps the two outputs apart',
      run: async () => {
        const { stdout, stderr } = await expectSuccess('exit code 0', guest.exec(shell('echo out; echo err >&2')))
        expectText('standard output', 'out\n', stdout)
        expectText('standard error', 'err\n', stderr)
      },
    },
    {
      name: 'has the environment and the folder that a command asks for',
      run: async () => {
        const command = { ...shell('echo "$COLOUR"; pwd'), env: { COLOUR: 'red and blue' }, cwd: '/usr/lib' }
        const { stdout } = await expectSuccess('exit code 0', guest.exec(command))
        expectText('a variable and the working directory', 'red and blue\n/usr/lib\n', stdout)
      },
    },
    {
      name: 'has neither the PATH nor the proxies of the caller',
      run: async () => {
        const { stdout } = await expectSuccess('exit code 0', guest.exec(shell('env')))
        const isOfInterest = (line: string) => /^(?:PATH|HOME|LC_ALL|(?:https?|no)_proxy)=/i.test(line)
        expectText(
          'the environment',
          [...guestEnv].sort().join(' '),
          stdout.split('\n').filter(isOfInterest).sort().join(' '),
        )
      },
    },
    {
      name: 'lets a command kill a process that another command started',
      run: async () => {
        // A guest of one program has no second command.
        if (guest.handle.singleProcess) return
        guest.endsServers = false
        const [file, ...args] = guest.handle.execArgv(shell('echo $$ > /tmp/pid-of-sleep; exec sleep 600').argv)
        const sleeping = spawn(file, args, { stdio: 'ignore', env: hostEnvironment() })
        let ended: string | undefined
        sleeping.once('error', ({ message }) => {
          ended = message
        })
        sleeping.once('exit', (code, signal) => {
          ended = describeExit(code, signal)
        })
        try {
          const expected = 'a pid namespace and a /tmp that all commands of a guest share, to end servers'
          // The file is not there at once.
          const script = 'until test -s /tmp/pid-of-sleep; do sleep 0.01; done; kill -9 "$(cat /tmp/pid-of-sleep)"'
          await expectSuccess(expected, guest.exec({ argv: ['timeout', String(slow / 1000), ...shell(script).argv] }))
          await eventually(slow, () => expectThat(ended !== undefined, expected, 'the process was not killed'))
          expectThat(/137|SIGKILL/.test(ended!), 'the exit code 137 of the killed process', ended!)
          guest.endsServers = true
        } finally {
          sleeping.kill('SIGKILL')
        }
      },
    },
  ]
}
