import { spawn } from 'node:child_process'
import { execInGuest, routeToGuest, workloadClient, workloadGuest } from '../core/measure/guest-api.ts'
import type { ExecTarget } from '../core/session/exec-target.ts'
import type { GuestHandle } from '../driver.ts'
import { hostEnvironment } from '../host/environment.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { type ConformanceCheck, type GuestUnderTest, shell } from './check.ts'
import { expectBytes, expectFailure, expectSuccess, expectText, expectThat } from './expectations.ts'
import { bootSeconds } from './traces.ts'

/**
 * Returns the checks of the network, and of a second guest beside the first.
 * @param bootSecond boots another guest in another sandbox
 */
export function networkChecks(
  guest: GuestUnderTest,
  bootSecond: (place: OwnedGuestSandbox) => Promise<GuestHandle>,
): ConformanceCheck[] {
  const { session, client, image } = guest
  // Otherwise each server would be waited for until its time limit.
  const expectEnd = () =>
    expectThat(guest.endsServers, 'commands that can end a server', 'a command cannot kill another one')
  const served = (address: string, port: number) => `a server in the guest that answers at ${address}:${port}`
  return [
    {
      name: 'has a separate network with one link',
      run: async () => {
        const reading = guest.exec({ argv: ['cat', '/proc/net/dev'] })
        const { stdout } = await expectSuccess('the links in /proc/net/dev', reading)
        const links = [...stdout.matchAll(/^\s*([\w.-]+):/gm)].map(([, link]) => link)
        expectText('the links', 'eth0 lo', links.sort().join(' '))
      },
    },
    {
      name: 'is called on at its address, until its server is stopped',
      run: async () => {
        expectEnd()
        const { caller, address } = routeToGuest(client, guest.place, guest.handle)
        const calling = workloadClient(caller, guest.bounds(), () => {})
        const echo = { argv: ['socat', '-t', '60', 'TCP4-LISTEN:7007,fork,reuseaddr', 'EXEC:cat'] as const }
        const call = { argv: ['socat', '-t', '60', '-', `TCP4:${address}:7007,connect-timeout=20`] as const }
        {
          const serving = workloadGuest(guest.target, caller, address, guest.bounds()).serve(echo, { port: 7007 })
          await using _server = await expectSuccess(served(address, 7007), serving)
          const answer = await expectSuccess(served(address, 7007), calling.exec(call, { input: 'hello' }))
          expectText('the answer of the server', 'hello', answer.stdout)
          // A link that loses long segments answers a short text, and stalls here.
          const long = 'hello\n'.repeat(2 ** 18)
          const echoed = await expectSuccess('1.5 MiB that return', calling.exec(call, { input: long }))
          expectBytes('at the client', Buffer.from(long), Buffer.from(echoed.stdout))
        }
        const refused = 'a refused connection after the server was stopped'
        await expectFailure(refused, /exit code 1/, calling.exec(call, { input: 'hello' }))
      },
    },
    {
      name: 'reaches the client at the other end of its link',
      run: async () => {
        const { caller, address } = routeToGuest(client, guest.place, guest.handle)
        // A link is a /30 of two addresses, the client's the lower one.
        const other = guest.handle.loopback ? address : address.replace(/\d+$/, (last) => String(Number(last) - 1))
        const [file, ...args] = caller.execArgv(['socat', 'TCP4-LISTEN:7008,reuseaddr', 'SYSTEM:echo hello'])
        const listening = spawn(file, args, { stdio: 'ignore', env: hostEnvironment() })
        try {
          const call = ['socat', '-u', `TCP4:${other}:7008,retry=50,interval=0.1`, '-'] as const
          const { stdout } = await expectSuccess(`a connection to ${other}:7008`, guest.exec({ argv: call }))
          expectText(`the answer of the client at ${other}:7008`, 'hello\n', stdout)
        } finally {
          listening.kill('SIGKILL')
        }
      },
    },
    {
      name: 'allows a second guest with another address, other data and other processes',
      run: async () => {
        expectEnd()
        await using second = await session.createSandbox(image.rootfs, bootSeconds)
        const beside = await expectSuccess('a second guest that boots beside the first', bootSecond(second))
        const other: ExecTarget = { ...guest.target, execArgv: (argv, options) => beside.execArgv(argv, options) }
        const writing = [
          guest.exec(shell('printf first > /data/which')),
          execInGuest(other, shell('printf second > /data/which'), {}, guest.bounds()),
        ]
        await expectSuccess('exit code 0 in both guests', Promise.all(writing))
        const servers = [
          { target: guest.target, place: guest.place, handle: guest.handle },
          { target: other, place: second, handle: beside },
        ]
        const answers = servers.map(async ({ target, place, handle }) => {
          const { caller, address } = routeToGuest(client, place, handle)
          const server = { argv: ['socat', 'TCP4-LISTEN:7009,fork,reuseaddr', 'EXEC:cat /data/which'] as const }
          const serving = workloadGuest(target, caller, address, guest.bounds()).serve(server, { port: 7009 })
          await using _server = await expectSuccess(served(address, 7009), serving)
          const call = { argv: ['socat', '-u', `TCP4:${address}:7009,connect-timeout=20`, '-'] as const }
          return (await expectSuccess(served(address, 7009), execInGuest(caller, call, {}, guest.bounds()))).stdout
        })
        expectText('the answers of both guests', 'first second', (await Promise.all(answers)).join(' '))
      },
    },
  ]
}
