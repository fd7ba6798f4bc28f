import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { IsobenchError, messageOf, sanitizeLine } from '../util/errors.ts'

/** A virtual machine monitor did not do as it was told. */
export class VmmError extends IsobenchError {
  readonly code = 'ISOBENCH_VMM'
}

/** A request of a monitor's API: JSON over HTTP over a Unix socket. */
export interface ApiRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body?: unknown
}

/** Bytes: an answer that is longer is none of a monitor's. */
const longest = 1024 * 1024

/**
 * Has a monitor do something, and resolves with what it answers: parsed JSON, or undefined where it says nothing.
 * @param socket Its API socket on the host.
 * @throws MonitorError when it refuses, with the status and what it said, or does not answer within `timeoutMs`.
 */
export function vmmRequest(socket: string, { method, path, body }: ApiRequest, timeoutMs = 5000): Promise<unknown> {
  const failed = (why: string) => new VmmError(`${method} ${path} at ${socket}: ${why}`)
  return new Promise((resolve, reject) => {
    const json = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      Accept: 'application/json',
      ...(json !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }),
    }
    const sent = request({ socketPath: socket, method, path, headers, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece: string) => {
        text += piece
        if (text.length > longest) sent.destroy(new Error(`more than ${longest} bytes of an answer`))
      })
      answer.on('error', (error) => reject(failed(messageOf(error))))
      answer.on('end', () => {
        const status = answer.statusCode ?? 0
        const said = text === '' ? 'nothing' : sanitizeLine(text.trim())
        if (status < 200 || status > 299) return reject(failed(`status ${status}, and it said ${said}`))
        try {
          resolve(text.trim() === '' ? undefined : JSON.parse(text))
        } catch {
          reject(failed(`status ${status} without JSON: ${said}`))
        }
      })
    })
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    sent.on('close', () => clearTimeout(timer))
    sent.on('error', (error) => reject(failed(messageOf(error))))
    sent.end(json)
  })
}

/**
 * Has QEMU execute one command through the QEMU Machine Protocol (docs/interop/qmp-spec in QEMU's sources).
 * @throws MonitorError when it refuses, or does not answer within 5 s.
 */
export async function qmp(path: string, command: 'stop' | 'cont'): Promise<void> {
  const socket = connect(path)
  const failed = (why: string) => new VmmError(`QEMU did not ${command}: ${sanitizeLine(why)}`)
  socket.setTimeout(5000, () => socket.destroy(failed('no answer within 5 s')))
  try {
    await once(socket, 'connect')
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    const next = async (): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw socket.errored ?? failed('it ended')
        const message = JSON.parse(value) as Record<string, unknown>
        // Events come whenever they like.
        if (!('event' in message)) return message
      }
    }
    await next()
    for (const execute of ['qmp_capabilities', command]) {
      socket.write(`${JSON.stringify({ execute })}\n`)
      const answer = await next()
      if (!('return' in answer)) throw failed(JSON.stringify(answer))
    }
  } catch (error) {
    throw error instanceof VmmError ? error : failed(error instanceof Error ? error.message : String(error))
  } finally {
    socket.destroy()
  }
}
