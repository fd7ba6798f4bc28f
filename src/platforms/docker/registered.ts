import { basename } from 'node:path'
import type { Unavailable } from '../driver.ts'
import type { Runtime } from '../runtimes.ts'

/** A runtime as `daemon.json` and `docker info` have it: a program of runc's kind, or a shim of containerd's. */
export interface RegisteredRuntime {
  readonly path?: string
  readonly runtimeArgs?: readonly string[]
  readonly runtimeType?: string
  /** Of a shim. */
  readonly options?: { readonly ConfigPath: string }
}

/** What a daemon has registered, by name. */
export type Runtimes = Readonly<Record<string, RegisteredRuntime>>

/** The same flags of a Go program, whose order and number of dashes say nothing. */
const alike = (flags: readonly string[]) =>
  flags
    .map((flag) => flag.replace(/^--?/, ''))
    .sort()
    .join('\n')

/** What a daemon calls a runtime that has these flags and no others; without any, whatever the runtime is registered with. */
export function findRegisteredRuntime(known: Runtimes, runtime: Runtime, flags: readonly string[]): string | undefined {
  if (flags.length === 0) {
    const names = runtime === 'kata' ? ['kata', 'kata-runtime', 'io.containerd.kata.v2'] : [runtime]
    return names.find((name) => Object.hasOwn(known, name))
  }
  const of = (path = '') => basename(path).startsWith(runtime)
  return Object.entries(known).find(
    ([, { path, runtimeArgs = [] }]) => of(path) && alike(runtimeArgs) === alike(flags),
  )?.[0]
}

/** Why a daemon of the host's, whose settings are its owner's, cannot be used with this runtime. */
export function runtimePreflight(
  { socket, runtimes }: { readonly socket: string; readonly runtimes: Runtimes },
  runtime: Runtime,
  flags: readonly string[],
): Unavailable | undefined {
  if (findRegisteredRuntime(runtimes, runtime, flags) !== undefined) return undefined
  const [name, entry] =
    runtime === 'kata'
      ? ['kata', { runtimeType: '/opt/kata/bin/containerd-shim-kata-v2' }]
      : flags.length === 0
        ? [runtime, { path: `/usr/bin/${runtime}` }]
        : [`${runtime}-flags`, { path: `/usr/bin/${runtime}`, runtimeArgs: flags }]
  return {
    reason: `the dockerd at ${socket} has no runtime "${[runtime, ...flags].join(' ')}": it has ${Object.keys(runtimes).join(', ')}`,
    fix:
      `register it in that daemon's daemon.json, ${JSON.stringify({ runtimes: { [name]: entry } })}, and have the daemon reload that; ` +
      `or have isobench start its own: { daemon: 'own' }`,
  }
}
