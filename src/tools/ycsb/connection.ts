import { connect, type Socket } from 'node:net'

/**
 * A connection to memcached with its text protocol (doc/protocol.txt of memcached), and one request in flight. Not a
 * client library from npm: the server is measured, and every layer of the client costs time of its only CPU. Operations
 * allocate no memory.
 */

/** The result of an operation, with YCSB's names. */
export type Status = 'OK' | 'NOT_FOUND' | 'ERROR'

const [capitalV, capitalE, capitalS, capitalN] = ['V', 'E', 'S', 'N'].map((letter) => letter.charCodeAt(0))
const newline = 10

/** Reads one response at a time from chunks of any size. */
export class Responses {
  /** Missing bytes of the response, or 0 if its first line is not complete yet. */
  #missing = 0
  /** The beginning of a first line that arrives in chunks. */
  #front = ''

  /** @returns the status of the current response when it is complete, otherwise `undefined` */
  take(piece: Uint8Array, size: number): Status | undefined {
    if (this.#missing > 0) {
      this.#missing -= size
      return this.#missing === 0 ? 'OK' : this.#missing < 0 ? this.#surplus() : undefined
    }
    const end = piece.indexOf(newline)
    if (end < 0 || end >= size) {
      this.#front += latin1(piece, 0, size)
      return undefined
    }
    const first = this.#front === '' ? piece[0] : this.#front.charCodeAt(0)
    if (first === capitalV) {
      // VALUE <key> <flags> <bytes>, the data, then END; each ends in \r\n.
      const line = this.#front + latin1(piece, 0, end)
      this.#missing = Number(line.slice(line.lastIndexOf(' ') + 1)) + 2 + 5 - (size - end - 1)
      this.#front = ''
      if (this.#missing < 0) return this.#surplus()
      return this.#missing === 0 ? 'OK' : undefined
    }
    const line = this.#front + latin1(piece, 0, end + 1)
    this.#front = ''
    if (end + 1 !== size) return this.#surplus()
    if (first === capitalS && line === 'STORED\r\n') return 'OK'
    if (first === capitalE && line === 'END\r\n') return 'NOT_FOUND'
    if (first === capitalN && line === 'NOT_STORED\r\n') return 'NOT_FOUND'
    return 'ERROR'
  }

  #surplus(): never {
    throw new Error('memcached sent more than one response to one request')
  }
}

const latin1 = (piece: Uint8Array, from: number, to: number) =>
  Buffer.from(piece.buffer, piece.byteOffset + from, to - from).toString('latin1')

/** A connection that calls `onResponse` for each response. */
export class Connection {
  readonly #socket: Socket
  readonly opened: Promise<void>

  constructor(
    { host, port }: { host: string; port: number },
    onResponse: (returned: Status) => void,
    onError: (error: Error) => void,
  ) {
    const responses = new Responses()
    const buffer = Buffer.allocUnsafe(64 * 1024)
    const callback = (size: number) => {
      try {
        const returned = responses.take(buffer, size)
        if (returned !== undefined) onResponse(returned)
      } catch (error) {
        onError(error as Error)
      }
      return true
    }
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer, callback } })
    this.opened = new Promise((resolve) => this.#socket.once('connect', resolve))
    this.#socket.on('error', onError)
    this.#socket.on('end', () => onError(new Error('memcached closed the connection')))
  }

  send(request: Uint8Array): void {
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.removeAllListeners('end').destroy()
  }
}
