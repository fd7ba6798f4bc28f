import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server of a test answers. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server on the loopback address. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly address: string
  /** `GET /path bytes=3-` of each request. */
  readonly requests: string[]
}

/** Starts an HTTP server on a free port. */
export async function serve(answer: Answer): Promise<TestServer> {
  const requests: string[] = []
  const server: Server = createServer((request, response) => {
    requests.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '))
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** Sends a file as a good server does, also in parts. `cut`: breaks the connection after as many bytes. */
export function sendFile(bytes: Buffer, cut = Number.POSITIVE_INFINITY): Answer {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from > 0 && from >= bytes.length) {
      response.writeHead(416).end()
      return
    }
    const rest = bytes.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    })
    if (rest.length <= cut) response.end(rest)
    // Not destroyed: a reset could overtake what was sent.
    else response.write(rest.subarray(0, cut), () => response.socket?.end())
  }
}
