/** Control of a running VMM: an HTTP API (Firecracker, Cloud Hypervisor), or QMP (QEMU). */

import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { basename, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsobenchError, messageOf } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'

/** A VMM refused a request or did not respond. */
export class VmmError extends IsobenchError {
  readonly code = 'ISOBENCH_VMM'
}

/** A request to a VMM's API: JSON over HTTP over a Unix socket. */
export interface ApiRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body?: unknown
}

/** A path to a socket in its open folder. The address of a socket has at most 107 bytes: unix(7). */
function shortPath(socket: string, createError: (reason: string) => VmmError): Disposable & { readonly path: string } {
  let folder: number
  try {
    folder = openSync(dirname(socket), constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    throw createError(messageOf(error))
  }
  return { path: `/proc/self/fd/${folder}/${basename(socket)}`, [Symbol.dispose]: () => closeSync(folder) }
}

/** A longer response cannot come from a VMM. */
const maxResponseBytes = 1024 * 1024

/**
 * Sends a request to a VMM and returns its response: parsed JSON, or `undefined` if the response is empty.
 * @param socket path of the API socket on the host
 * @throws {VmmError} if the VMM refuses, with its status and response, or does not respond within `timeoutMs`
 */
export async function vmmRequest(
  socket: string,
  { method, path, body }: ApiRequest,
  timeoutMs = 5000,
): Promise<unknown> {
  const createError = (reason: string) => new VmmError(`${method} ${path} at ${socket}: ${reason}`)
  using short = shortPath(socket, createError)
  return await new Promise((resolve, reject) => {
    const json = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      Accept: 'application/json',
      ...(json !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }),
    }
    const clientRequest = request({ socketPath: short.path, method, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > maxResponseBytes)
          clientRequest.destroy(new Error(`the response is longer than ${maxResponseBytes} bytes`))
      })
      response.on('error', (error) => reject(createError(messageOf(error))))
      response.on('end', () => {
        const status = response.statusCode ?? 0
        const responseText = text === '' ? 'empty response' : sanitize(text.trim())
        if (status < 200 || status > 299) return reject(createError(`status ${status}: ${responseText}`))
        try {
          resolve(text.trim() === '' ? undefined : JSON.parse(text))
        } catch {
          reject(createError(`status ${status}, response is not JSON: ${responseText}`))
        }
      })
    })
    const timer = setTimeout(
      () => clientRequest.destroy(new Error(`no response within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
    clientRequest.on('close', () => clearTimeout(timer))
    clientRequest.on('error', (error) => reject(createError(messageOf(error))))
    clientRequest.end(json)
  })
}

/** Seconds until a started VMM serves its API. */
const apiSeconds = 20

/** Like `vmmRequest`, to a VMM that may still be starting: its socket does not exist, or nobody listens to it. */
export async function firstVmmRequest(socket: string, apiRequest: ApiRequest, timeoutMs?: number): Promise<unknown> {
  const until = performance.now() + apiSeconds * 1000
  for (;;) {
    try {
      return await vmmRequest(socket, apiRequest, timeoutMs)
    } catch (error) {
      if (!/ECONNREFUSED|ENOENT/.test(messageOf(error)) || performance.now() > until) throw error
      await sleep(2)
    }
  }
}

/** A command of the QEMU Machine Protocol. */
export type QmpCommand = 'stop' | 'cont' | 'query-status' | 'migrate-set-parameters' | 'migrate' | 'query-migrate'

/**
 * Executes a command of the QEMU Machine Protocol (docs/interop/qmp-spec in the QEMU sources).
 * @param args arguments of the command
 * @returns the response, which depends on the command
 * @throws {VmmError} if QEMU refuses, or does not respond within 5 s
 */
export async function qmp(
  path: string,
  command: QmpCommand,
  args?: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const createError = (reason: string) => new VmmError(`QEMU did not ${command}: ${sanitize(reason)}`)
  using short = shortPath(path, createError)
  const socket = connect(short.path)
  socket.setTimeout(5000, () => socket.destroy(createError('no response within 5 s')))
  try {
    await once(socket, 'connect')
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    const next = async (): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw socket.errored ?? createError('the connection was closed')
        const message = JSON.parse(value) as Record<string, unknown>
        // QEMU may send events at any time.
        if (!('event' in message)) return message
      }
    }
    const execute = async (request: object): Promise<unknown> => {
      socket.write(`${JSON.stringify(request)}\n`)
      const response = await next()
      if (!('return' in response)) throw createError(JSON.stringify(response))
      return response.return
    }
    await next()
    await execute({ execute: 'qmp_capabilities' })
    return await execute({ execute: command, ...(args && { arguments: args }) })
  } catch (error) {
    throw error instanceof VmmError ? error : createError(error instanceof Error ? error.message : String(error))
  } finally {
    socket.destroy()
  }
}
