/** The server of a group: what its benches share in the guest. */

import type { Command } from '../tools/command.ts'
import { checkFields, describeValue, isPlainFunction } from './checked.ts'
import { DefinitionError } from './errors.ts'
import type { Guest, Service } from './guest.ts'
import { isPort } from './rules.ts'

/** What the command of a group's server may depend on. */
export interface ServerContext {
  /** To prepare files in the guest. Its commands are not part of the sample's times. */
  readonly guest: Guest
  /** Number of the guest's CPUs. */
  readonly cpus: number
  /** Memory limit of the guest in bytes. */
  readonly memoryBytes: number
  /** Aborted if the sample times out or the run is interrupted. */
  readonly signal: AbortSignal
}

/** A server that isobench starts in the guest before every sample of a bench of the group, and stops after it. */
export interface ServerOptions {
  /** The server's command, or a function that prepares what it needs and returns it. */
  readonly command: Command | ((context: ServerContext) => Command | Promise<Command>)
  /** The TCP port that it listens on. */
  readonly port: number
}

/** The server of a group, checked. */
export interface GroupServer {
  readonly command: (context: ServerContext) => Command | Promise<Command>
  readonly port: number
}

/** @throws {DefinitionError} without a location */
export function groupServer(what: string, given: unknown): GroupServer {
  checkFields(`${what}: server`, given, ['command', 'port'])
  const { command, port } = given as Partial<ServerOptions>
  if (!isPort(port))
    throw new DefinitionError(
      `${what}: the port of its server is ${describeValue(port)}.`,
      'use an integer from 1 to 65535, such as 6379',
    )
  if (!isPlainFunction(command) && !Array.isArray(command?.argv))
    throw new DefinitionError(
      `${what}: the command of its server is ${describeValue(command)}.`,
      "write server: { command: command('redis-server'), port: 6379 }",
    )
  return { command: typeof command === 'function' ? command : () => command as Command, port }
}

/**
 * The context of a workload with the server of its group.
 * @param service without one, to read `server` throws a DefinitionError
 */
export function asServer<C extends object>(context: C, service: Service | undefined): C & { readonly server: Service } {
  return Object.defineProperty(context, 'server', {
    get() {
      if (service) return service
      throw new DefinitionError(
        'the bench has no server, because it is in no group with one.',
        "write group('name', { server: { command, port } }, () => { bench(...) }), or start one with guest.serve",
      )
    },
  }) as C & { readonly server: Service }
}
