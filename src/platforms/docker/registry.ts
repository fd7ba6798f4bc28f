import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../../errors.ts'
import { makeProgram } from '../runtimes.ts'
import { type Daemon, dockerQuery } from './client.ts'
import { installedKata, registeredKata } from './kata.ts'
import type { RegisteredRuntime } from './registered.ts'

export interface Registry extends Pick<Daemon, 'client'> {
  /** The dockerd's. */
  readonly pid: number
  /** Its configuration file, in which nobody else writes, and with no key that its command line has too. */
  readonly settings: string
  /** A folder for the programs that it is told of. */
  readonly programs: string
}

/**
 * The runtimes of a dockerd of isobench's own, which is there before it is known what platforms it serves: it is told of each
 * when a platform first asks, by its configuration file and a SIGHUP, one after the other.
 */
export function registry({ pid, settings, programs, client }: Registry): Daemon['runtime'] {
  const runtimes: Record<string, RegisteredRuntime> = {}
  let last: Promise<unknown> = Promise.resolve()

  async function register(name: string, describe: () => RegisteredRuntime): Promise<void> {
    if (Object.hasOwn(runtimes, name)) return
    // One that is gone says so here, before its process id may be another's.
    await knows(name)
    const wanted = { ...runtimes, [name]: describe() }
    writeFileSync(settings, JSON.stringify({ runtimes: wanted }))
    process.kill(pid, 'SIGHUP')
    for (let tries = 0; !(await knows(name)); tries++) {
      if (tries > 100) throw new HostError(`isobench's dockerd did not take the runtime ${name} within 10 s`)
      await sleep(50)
    }
    Object.assign(runtimes, wanted)
  }

  async function knows(name: string): Promise<boolean> {
    return Object.hasOwn(JSON.parse(await dockerQuery({ client }, 'info', '--format', '{{json .Runtimes}}')), name)
  }

  return async (runtime, flags, limits) => {
    if (runtime === 'runc') return runtime
    // The size of Kata's machine is written in a configuration.
    const special = runtime === 'kata' ? [limits] : flags
    const suffix = createHash('sha256').update(JSON.stringify(special)).digest('hex').slice(0, 12)
    const name = special.length === 0 ? runtime : `${runtime}-${suffix}`
    const registered = last.then(() =>
      register(name, () =>
        runtime === 'kata'
          ? registeredKata(join(programs, name), limits, installedKata())
          : { path: makeProgram(join(programs, name), runtime, flags) },
      ),
    )
    last = registered.catch(() => {})
    await registered
    return name
  }
}
