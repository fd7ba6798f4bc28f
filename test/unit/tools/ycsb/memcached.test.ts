import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Responses } from '../../../../src/tools/ycsb/connection.ts'
import { type PhaseOptions, runPhase } from '../../../../src/tools/ycsb/phase.ts'

describe('a response', () => {
  const take = (pieces: string[]) => {
    const responses = new Responses()
    return pieces.map((piece) => responses.take(Buffer.from(piece), piece.length)).filter((one) => one !== undefined)
  }

  it('is read from whatever pieces it comes in', () => {
    const text = 'VALUE k 0 5\r\nabcde\r\nEND\r\n'
    for (let at = 1; at < text.length; at++) {
      for (let next = at; next < text.length; next += 7) {
        expect(take([text.slice(0, at), text.slice(at, next), text.slice(next)].filter(Boolean))).toEqual(['OK'])
      }
    }
    for (let at = 1; at < 8; at++) expect(take(['STORED\r\n'.slice(0, at), 'STORED\r\n'.slice(at)])).toEqual(['OK'])
  })

  it('reports what was stored, found, missing and wrong', () => {
    expect(take(['STORED\r\n', 'END\r\n', 'NOT_STORED\r\n', 'SERVER_ERROR out of memory\r\n', 'ERROR\r\n'])).toEqual([
      'OK',
      'NOT_FOUND',
      'NOT_FOUND',
      'ERROR',
      'ERROR',
    ])
  })

  it('is not two', () => {
    expect(() => take(['STORED\r\nSTORED\r\n'])).toThrow(/more than one response/)
    expect(() => take(['VALUE k 0 1\r\na\r\nEND\r\nSTORED\r\n'])).toThrow(/more than one response/)
  })
})

/** A server that speaks enough of the protocol, in this process: what is tested is the client. */
class Memcached {
  readonly #server: Server
  readonly #stored = new Map<string, string>()
  #sockets: Socket[] = []
  requests = 0

  constructor(private readonly answerAfter = 0) {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket)
      let text = ''
      socket.on('data', (data) => {
        text += data.toString('latin1')
        for (let answer = this.#answer(text); answer; answer = this.#answer(text)) {
          const [said, length] = answer
          text = text.slice(length)
          this.requests++
          if (this.answerAfter > 0) setTimeout(() => socket.write(said), this.answerAfter)
          else socket.write(said)
        }
      })
      socket.on('error', () => {})
    })
  }

  #answer(text: string): [string, number] | undefined {
    const get = /^get (\S+)\r\n/.exec(text)
    if (get) {
      const value = this.#stored.get(get[1]!)
      return [
        value === undefined ? 'END\r\n' : `VALUE ${get[1]} 0 ${value.length}\r\n${value}\r\nEND\r\n`,
        get[0].length,
      ]
    }
    const set = /^(set|replace) (\S+) 0 0 (\d+)\r\n/.exec(text)
    if (!set || text.length < set[0].length + Number(set[3]) + 2) return undefined
    const absent = set[1] === 'replace' && !this.#stored.has(set[2]!)
    if (!absent) this.#stored.set(set[2]!, text.slice(set[0].length, set[0].length + Number(set[3])))
    return [absent ? 'NOT_STORED\r\n' : 'STORED\r\n', set[0].length + Number(set[3]) + 2]
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as { port: number }).port
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

describe('a phase against a server', () => {
  let server: Memcached
  afterEach(() => server.close())

  const options = async (phase: 'load' | 'run'): Promise<PhaseOptions> => ({
    phase,
    host: '127.0.0.1',
    port: await server.listen(),
    connections: 4,
    records: 200,
    fields: { count: 10, length: 100 },
    reads: 0.5,
    distribution: 'zipfian',
    seconds: 0.2,
    seed: 1,
  })

  it('loads every record once, then reads and updates what is there', async () => {
    server = new Memcached()
    const load = await options('load')
    const loaded = await runPhase(load)
    expect([...loaded.operations.keys()]).toEqual(['INSERT'])
    expect(loaded.operations.get('INSERT')!.returns).toEqual({ OK: 200 })
    const before = server.requests
    const { operations } = await runPhase({ ...load, phase: 'run' })
    const all = [...operations.values()].reduce((sum, { count }) => sum + count, 0)
    expect(all).toBe(server.requests - before)
    for (const { returns, count } of operations.values()) expect(returns).toEqual({ OK: count })
  })

  it('reports records that do not exist', async () => {
    server = new Memcached()
    const { operations } = await runPhase(await options('run'))
    for (const { returns, count } of operations.values()) expect(returns).toEqual({ NOT_FOUND: count })
  })

  it('counts from the intended start in an open loop: it does every due operation and reports the wait', async () => {
    // One connection and an answer each 20 ms can do 50 a second, and 200 a second are due for 0.2 s.
    server = new Memcached(20)
    const given = await options('run')
    const { operations } = await runPhase({ ...given, connections: 1, target: 200 })
    const all = [...operations.values()]
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(40)
    // The last one was due at 195 ms and came after 40 answers of 20 ms each: a slow host only makes that longer.
    expect(Math.max(...all.map((latencies) => latencies.summary([50]).most))).toBeGreaterThan(500_000)
  })

  it('fails where nobody listens, and where the server goes away', async () => {
    server = new Memcached()
    const given = await options('run')
    await expect(runPhase({ ...given, port: 1 })).rejects.toThrow(/ECONNREFUSED/)
    const running = runPhase({ ...given, seconds: 60 })
    await vi.waitUntil(() => server.requests > 0)
    server.close()
    await expect(running).rejects.toThrow(/closed|ECONNRESET|EPIPE/)
  })
})
