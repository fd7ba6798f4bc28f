import type { Metrics } from '../../dsl/metric.ts'
import { asServer, type GroupServer } from '../../dsl/server.ts'
import type { CommandWork, ParamSpace, RunContext } from '../../dsl/workload.ts'

type Context = Omit<RunContext<ParamSpace>, 'guest' | 'client' | 'server'>
type Ends = Pick<RunContext<ParamSpace>, 'guest' | 'client'>

/** What a sample of commands in a guest needs. */
export interface CommandSample {
  readonly work: CommandWork<Metrics, ParamSpace>
  /** The server of the bench's group. */
  readonly server: GroupServer | undefined
  readonly context: Context
  /** Both ends of the link: the commands of `run` are part of the sample's times. */
  readonly measured: Ends
  /** The same ends for what prepares and cleans up. */
  readonly unmeasured: Ends
  /** Calls code of the bench. Rejects when the sample is ended. */
  race<T>(act: () => T | Promise<T>): Promise<T>
  /** Whether the sample was ended. Then the guest is removed with all that runs in it. */
  isEnded(): boolean
  /** Called after everything is prepared. */
  ready?(): Promise<void>
}

/**
 * Starts the server of the group, prepares, runs and cleans up. Only `run` is part of the sample's times.
 * @returns what `run` returned, unchecked
 */
export async function runCommandWork(sample: CommandSample): Promise<unknown> {
  const { work, server, context, measured, unmeasured, race } = sample
  const command = server && (await race(() => server.command({ ...context, guest: unmeasured.guest })))
  const service = command && (await race(() => unmeasured.guest.serve(command, { port: server.port })))
  const contextOf = (ends: Ends): RunContext<ParamSpace> => asServer({ ...context, ...ends }, service)
  const cleanUp = async (act: () => Promise<unknown>) => {
    if (!sample.isEnded()) await race(act)
  }
  const prepareAndRun = async () => {
    const prepared = await race(() => work.prepare?.(contextOf(unmeasured)))
    await race(() => sample.ready?.())
    const withPrepared = (ends: Ends) => Object.assign(contextOf(ends), { prepared })
    return finishing(
      () => race(() => work.run(withPrepared(measured))),
      () => cleanUp(async () => work.cleanup?.(withPrepared(unmeasured))),
    )
  }
  return finishing(prepareAndRun, () => cleanUp(async () => service?.[Symbol.asyncDispose]()))
}

/** Runs `after` in any case. If both throw, the first failure is the cause. */
async function finishing<T>(act: () => Promise<T>, after: () => Promise<void>): Promise<T> {
  let output: T
  try {
    output = await act()
  } catch (error) {
    await after().catch(() => {})
    throw error
  }
  await after()
  return output
}
