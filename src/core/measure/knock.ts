import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError, runTimed } from '../../guest/stopwatch.ts'
import type { Deadline, ExecTarget } from './enterable.ts'

/**
 * Waits until a TCP port takes a connection from the client's side.
 * @throws CommandError when the server ends, or the sample's time is up, before that.
 */
export async function waitForPort(
  client: ExecTarget,
  { address, port }: { readonly address: string; readonly port: number },
  { until, signal }: Deadline,
  ended: Promise<Error>,
): Promise<void> {
  const knock = client.execArgv(['socat', '-u', '/dev/null', `TCP4:${address}:${port},connect-timeout=1`])
  let over: Error | undefined
  void ended.then((error) => {
    over = error
  })
  while (performance.now() < until) {
    try {
      // It gives up after a second by itself; on an emulated host it takes longer to get there.
      await runTimed(knock, { timeoutMs: 20_000, signal, label: `knocking at port ${port}` })
      return
    } catch {
      if (over) throw over
      signal.throwIfAborted()
      await sleep(50)
    }
  }
  throw new CommandError(`nothing answered at port ${port} within the time limit`)
}
