/** Saving and restoring a guest of Cloud Hypervisor, over a server in its place: snapshot_restore.md of v53. */

import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { HostArgv } from '../../../src/host/process.ts'
import { cloudHypervisor } from '../../../src/platforms/cloud-hypervisor.ts'
import { nonceFile } from '../../../src/vm/saved-vm.ts'
import { fakeSandbox } from './fake-sandbox.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-snapshot-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A sandbox with the API of a Cloud Hypervisor, which records what it is asked. */
async function served() {
  const { place } = fakeSandbox()
  const spawned: HostArgv[] = []
  const asked: [request: string, body: unknown][] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    asked.push([`${request.method} ${request.url}`, body === '' ? undefined : JSON.parse(body)])
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(join(place.stateDir, 'api.sock'), resolve))
  const sandbox = Object.assign(place, {
    wrapWithTap: (argv: HostArgv) => argv,
    spawn: async (argv: HostArgv) => spawned.push(argv),
  })
  const close = async () => {
    await new Promise((resolve) => server.close(resolve))
    rmSync(place.stateDir, { recursive: true, force: true })
  }
  return { sandbox, spawned, asked, [Symbol.asyncDispose]: close }
}

const options = cloudHypervisor.options.parse({})
const { save, restore } = cloudHypervisor.snapshots!

it('pauses a guest of Cloud Hypervisor and saves it to the folder, with its nonce', async () => {
  await using fake = await served()
  writeFileSync(nonceFile(fake.sandbox.stateDir), '5ec2e7')
  await save(fake.sandbox, folder, options)
  expect(fake.asked).toEqual([
    ['PUT /api/v1/vm.pause', undefined],
    ['PUT /api/v1/vm.snapshot', { destination_url: `file://${folder}` }],
  ])
  expect(readFileSync(nonceFile(folder), 'utf8')).toBe('5ec2e7')
})

it('restores a guest of Cloud Hypervisor with its own tap, and leaves the snapshot as it is', async () => {
  await using fake = await served()
  const config = { cpus: { boot_vcpus: 1 }, net: [{ id: '_net2', tap: 'isob9', mac: '02:00:c6:12:00:09' }], disks: [] }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  writeFileSync(nonceFile(folder), '5ec2e7')
  await restore(fake.sandbox, folder, options)
  const copy = join(fake.sandbox.stateDir, 'restoring')
  expect(fake.asked).toEqual([
    ['PUT /api/v1/vm.restore', { source_url: `file://${copy}` }],
    ['PUT /api/v1/vm.resume', undefined],
  ])
  expect(JSON.parse(readFileSync(join(copy, 'config.json'), 'utf8'))).toEqual({
    ...config,
    net: [{ id: '_net2', tap: 'isob0', mac: '02:00:c6:12:00:09' }],
  })
  expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toEqual(config)
  expect(readlinkSync(join(copy, 'memory-ranges'))).toBe(join(folder, 'memory-ranges'))
  // The supervisor waits for the agent, which calls again with the nonce of the saved guest.
  const [argv] = fake.spawned
  expect(argv!.slice(2, 5)).toEqual(['serve', fake.sandbox.stateDir, '5ec2e7'])
  expect(argv).toContain('vsock.sock_1024')
  expect(argv).not.toContain('--kernel')
})
