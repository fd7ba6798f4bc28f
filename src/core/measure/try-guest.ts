import { runTimed } from '../../host/timed-process.ts'
import { bootTimeout } from '../../util/time-limits.ts'
import { endAfterLoops } from '../project/pending-calls.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { ProjectCodeError } from '../project/project-code-error.ts'
import type { Exec } from '../session/exec-target.ts'
import { codeOf, reasonFrom } from '../session/probe.ts'
import type { Session } from '../session/session.ts'
import { execInGuest } from './guest-api.ts'
import { GuestPool } from './guest-pool.ts'
import { SampleScope } from './sample-scope.ts'

/**
 * Boots a guest that stays, uses it in two samples as benches do, and removes it. Probes do not, because that takes
 * longer than a boot of one command, and every driver of isobench is known to do it.
 * @returns why it failed, or undefined
 */
export async function tryGuest(
  platform: ResolvedPlatform,
  session: Session,
  rootfs: string,
  { exec = runTimed, limit = bootTimeout(false) }: { readonly exec?: Exec; readonly limit?: number } = {},
): Promise<ReturnType<typeof reasonFrom> | undefined> {
  try {
    await using pool = new GuestPool(session, rootfs, limit)
    await using scope = new SampleScope(`a guest of ${platform.spec.name}`, limit, session.signal, exec)
    const use = () =>
      pool.use(platform, 'round', (target) => execInGuest(target, { argv: ['/bin/true'] }, {}, scope), {
        signal: scope.signal,
      })
    const useTwice = async () => {
      await use()
      // The guest was paused and frozen.
      await use()
    }
    let failure: unknown
    try {
      await endAfterLoops(codeOf(platform), () => scope.run(useTwice))
    } catch (error) {
      failure = error
    }
    // Node.js reports a rejection that nothing handles in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 1))
    // The failure of a command that an error of the driver ended would not state that error.
    if (!(failure instanceof ProjectCodeError)) scope.signal.throwIfAborted()
    if (failure !== undefined) throw failure
    return undefined
  } catch (error) {
    session.signal.throwIfAborted()
    return reasonFrom(error)
  }
}
