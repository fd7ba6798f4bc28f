import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VmmError, vmmRequest } from '../../../src/vm/vmm-api.ts'

let folder: string
let socket: string
let server: Server | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-api-'))
  socket = join(folder, 'api.sock')
})
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
  rmSync(folder, { recursive: true, force: true })
})

/** A monitor's API: answers, and remembers what it was asked. */
async function serving(answer: (response: ServerResponse, asked: IncomingMessage) => void) {
  const asked: { method?: string | undefined; url?: string | undefined; body: string; type?: string | undefined }[] = []
  server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    asked.push({ method: request.method, url: request.url, body, type: request.headers['content-type'] })
    answer(response, request)
  })
  await new Promise<void>((resolve) => server!.listen(socket, resolve))
  return asked
}

describe('a request to a monitor', () => {
  it('is sent as it is, and gives what was answered', async () => {
    const asked = await serving((response) => response.end('{"state":"Running"}'))
    expect(await vmmRequest(socket, { method: 'GET', path: '/' })).toEqual({ state: 'Running' })
    await vmmRequest(socket, { method: 'PATCH', path: '/vm', body: { state: 'Paused', name: 'ü' } })
    expect(asked).toEqual([
      { method: 'GET', url: '/', body: '', type: undefined },
      { method: 'PATCH', url: '/vm', body: '{"state":"Paused","name":"ü"}', type: 'application/json' },
    ])
  })

  it('reaches a socket with a longer path than the address of a socket can have', async () => {
    await serving((response) => response.end('{"state":"Running"}'))
    const long = join(folder, 'x'.repeat(120), 'api.sock')
    mkdirSync(dirname(long))
    renameSync(socket, long)
    expect(await vmmRequest(long, { method: 'GET', path: '/' })).toEqual({ state: 'Running' })
  })

  it('may be answered by nothing', async () => {
    await serving((response) => response.writeHead(204).end())
    expect(await vmmRequest(socket, { method: 'PUT', path: '/api/v1/vm.pause' })).toBeUndefined()
  })

  const refusals: [string, (response: ServerResponse) => void, string][] = [
    [
      'a refusal, with the status and what was said, and nothing that a terminal would obey',
      (response) => response.writeHead(400).end('{"fault_message":"no \u001b[31m vm"}\n'),
      'status 400: {"fault_message":"no \\x1b[31m vm"}',
    ],
    ['a refusal without a word', (response) => response.writeHead(500).end(), 'status 500: empty response'],
    ['an answer that is no JSON', (response) => response.end('hello'), 'status 200, response is not JSON: hello'],
    ['an answer without an end', (response) => response.write('{'), 'no response within 0.3 s'],
    ['an end without an answer', (response) => response.destroy(), 'socket hang up'],
    ['a flood', (response) => response.end('x'.repeat(2 ** 21)), 'longer than 1048576 bytes'],
  ]
  it.each(refusals)('reports %s', async (_, answer, why) => {
    await serving(answer)
    const failed = vmmRequest(socket, { method: 'PUT', path: '/api/v1/vm.pause' }, 300)
    await expect(failed).rejects.toThrow(VmmError)
    await expect(failed).rejects.toThrow(why)
    await expect(failed).rejects.toThrow(`PUT /api/v1/vm.pause at ${socket}`)
  })

  it('reports a VMM that does not exist', async () => {
    await expect(vmmRequest(socket, { method: 'GET', path: '/' })).rejects.toThrow('ENOENT')
  })
})
