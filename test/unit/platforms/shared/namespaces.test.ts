import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { deviceBinds, execConfined, withPrivateMounts } from '../../../../src/platforms/shared/namespaces.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-mounts-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it("writes nothing to a file of the host's that it mounts over, and makes what is missing in its own folder", () => {
  const place = { stateDir: join(folder, 'place'), netns: join(folder, 'netns') }
  const [hosts, ours, own] = [join(folder, 'passwd'), join(folder, 'ours'), join(place.stateDir, 'own')]
  mkdirSync(place.stateDir)
  writeFileSync(place.netns, '')
  writeFileSync(hosts, 'root:x:0:0\n')
  writeFileSync(ours, 'isobench:x:1:1\n')
  const argv = withPrivateMounts(
    place,
    ['true'],
    [
      ['bind,ro', ours, hosts],
      ['bind,ro', ours, own],
    ],
  )
  expect(readFileSync(hosts, 'utf8')).toBe('root:x:0:0\n')
  expect(readFileSync(own, 'utf8')).toBe('')
  expect(argv).toEqual(expect.arrayContaining(['bind,ro', ours, hosts]))
})

it("replaces the host's device nodes by those of the sandbox", async () => {
  expect(await deviceBinds({ deviceNodes: async () => '/devices' })).toEqual(
    ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => ['rbind', `/devices/${name}`, `/dev/${name}`]),
  )
})

it('says that a guest has ended if a command cannot enter it any more', () => {
  const { pid } = spawnSync('true')
  const [file, ...args] = execConfined(pid, undefined, ['true'])
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr: 'isobench: the guest has ended: its first process is gone\n',
  })
})
