/** What drivers run to save a guest and to restore it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GuestSandbox } from '../../../src/host/sandbox.ts'
import { crun, hasCriu, lacksCriuLibrary } from '../../../src/platforms/crun.ts'
import { gvisor } from '../../../src/platforms/gvisor.ts'
import { runc } from '../../../src/platforms/runc.ts'
import { criuError } from '../../../src/platforms/shared/criu.ts'
import { resumeMachine, savedMachine, saveMachine } from '../../../src/vm/qemu-state.ts'
import { VmmError } from '../../../src/vm/vmm-api.ts'
import { fakeSandbox } from './fake-sandbox.ts'

/** A sandbox on a root file system, with the argv that a driver ran in it. */
function sandbox() {
  const { place, ran } = fakeSandbox()
  return { place: Object.assign(place, { rootfs: '/image', cgroupPath: '/isobench/x', netns: '/run/netns/x' }), ran }
}
const bundleOf = ({ stateDir }: GuestSandbox) =>
  JSON.parse(readFileSync(join(stateDir, 'bundle/config.json'), 'utf8')) as { process: { args: string[] } }

describe('gVisor', () => {
  it('checkpoints the guest and restores it under the name of another sandbox, without a network', async () => {
    const options = gvisor.options.parse({})
    const [first, second] = [sandbox(), sandbox()]
    await gvisor.snapshots!.boot!(first.place, options)
    await gvisor.snapshots!.save(first.place, '/saved', options)
    const handle = await gvisor.snapshots!.restore(second.place, '/saved', options)
    const [boot, save] = first.ran.map((argv) => argv.slice(argv.indexOf('--root')))
    const [restore] = second.ran.map((argv) => argv.slice(argv.indexOf('--root')))
    const state = (place: GuestSandbox) => ['--root', join(place.stateDir, 'state')]
    const flags = ['--platform=systrap', '--network=none']
    const bundle = (place: GuestSandbox) => ['-bundle', join(place.stateDir, 'bundle'), '-detach', place.id]
    expect(boot).toEqual([...state(first.place), ...flags, 'run', ...bundle(first.place)])
    expect(save).toEqual([...state(first.place), ...flags, 'checkpoint', '-image-path=/saved', first.place.id])
    expect(restore).toEqual([
      ...state(second.place),
      ...flags,
      ...['restore', '-image-path=/saved'],
      ...bundle(second.place),
    ])
    expect(handle.execArgv(['true']).slice(-3)).toEqual(['exec', second.place.id, 'true'])
  })
})

describe('CRIU', () => {
  it.each([
    ['runc', runc],
    ['crun', crun],
  ] as const)('saves containers of %s, with another folder for the files of each restore', async (_, driver) => {
    const options = driver.options.parse({}) as never
    const [first, second] = [sandbox(), sandbox()]
    await driver.snapshots!.boot!(first.place, options)
    await driver.snapshots!.save(first.place, '/saved', options)
    await driver.snapshots!.restore(second.place, '/saved', options)
    const how = (work: string) => ['--image-path', '/saved', '--work-path', work]
    const { stateDir, id } = first.place
    expect(first.ran[1]!.slice(-6)).toEqual(['checkpoint', ...how(join(stateDir, 'saving')), id])
    expect(second.ran[0]).toEqual(expect.arrayContaining(how(join(second.place.stateDir, 'restoring'))))
    // CRIU saves no descriptor of the sandbox's log.
    expect(bundleOf(first.place).process.args.at(-1)).toMatch(/< \/dev\/null > \/dev\/null 2>&1$/)
    expect(bundleOf(second.place)).toMatchObject({ process: bundleOf(first.place).process })
  })

  it('needs a crun that was built with it', () => {
    expect(hasCriu('crun version 1.21\n+SYSTEMD +EBPF +CRIU +WASM:wasmedge +YAJL\n')).toBe(true)
    expect(hasCriu('crun version 1.8.1\n+SYSTEMD +SELINUX +EBPF +YAJL\n')).toBe(false)
    expect(hasCriu('crun version 1.21\n-CRIU +CRIUX\n')).toBe(false)
    expect(hasCriu('')).toBe(false)
  })

  it('needs the library that a crun loads', () => {
    const [shared, fixed] = ['\0libcriu.so.2\0', '\0criu\0'].map((text) => Buffer.from(text)) as [Buffer, Buffer]
    const libraries = '1 libs found in cache\n\tlibcriu.so.2 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcriu.so.2\n'
    expect(lacksCriuLibrary(shared, libraries)).toBe(false)
    expect(lacksCriuLibrary(shared, '1 libs found in cache\n\tlibc.so.6 (libc6,x86-64) => /lib/libc.so.6\n')).toBe(true)
    expect(lacksCriuLibrary(fixed, '')).toBe(false)
  })

  it('reports the error of criu check without its position', () => {
    const first = 'Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds'
    const output = `Warn  (criu/kerndat.c:1) x\n${first}\nError (criu/kerndat.c:2): y\n`
    expect(criuError(output)).toBe('vdso: Unexpected rt vDSO area bounds')
    expect(criuError('Looks good.\n')).toBeUndefined()
    expect(criuError('')).toBeUndefined()
  })
})

describe('QEMU', () => {
  let folder: string
  let socket: string
  let server: Server | undefined
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-qmp-'))
    socket = join(folder, 'qmp.sock')
  })
  afterEach(async () => {
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
    server = undefined
    rmSync(folder, { recursive: true, force: true })
  })

  /** A QEMU that answers each command with the next of its answers, or with an empty one. */
  async function serve(answers: Record<string, object[]>): Promise<object[]> {
    const asked: object[] = []
    server = createServer((connection) => {
      connection.write('{"QMP": {"version": {}}}\n')
      connection.on('data', (bytes: Buffer) => {
        for (const line of bytes.toString().trim().split('\n')) {
          const request = JSON.parse(line) as { execute: string }
          if (request.execute !== 'qmp_capabilities') asked.push(request)
          connection.write('{"event": "STOP"}\n')
          connection.write(`${JSON.stringify(answers[request.execute]?.shift() ?? { return: {} })}\n`)
        }
      })
    })
    await new Promise<void>((resolve) => server!.listen(socket, resolve))
    return asked
  }

  it('is stopped and saved to a file', async () => {
    const asked = await serve({
      'query-migrate': [{ return: {} }, { return: { status: 'active' } }, { return: { status: 'completed' } }],
    })
    await saveMachine(socket, "/state/it's")
    expect(asked).toEqual([
      { execute: 'stop' },
      { execute: 'migrate-set-parameters', arguments: { 'max-bandwidth': 10 ** 10 } },
      { execute: 'migrate', arguments: { uri: "exec:cat > '/state/it'\\''s/machine'" } },
      ...Array.from({ length: 3 }, () => ({ execute: 'query-migrate' })),
    ])
    expect(savedMachine('/state/x')).toEqual(['-incoming', "exec:cat '/state/x/machine'"])
  })

  it('reports why it did not save its state', async () => {
    await serve({ 'query-migrate': [{ return: { status: 'failed', 'error-desc': 'State blocked by virtio-fs' } }] })
    const failure = saveMachine(socket, '/state')
    await expect(failure).rejects.toThrow(new VmmError('QEMU did not save its state: State blocked by virtio-fs'))
  })

  it('runs the guest as soon as the state is loaded', async () => {
    const asked = await serve({
      'query-status': [
        { return: { status: 'inmigrate', running: false } },
        { return: { status: 'paused', running: false } },
      ],
    })
    await resumeMachine(socket, 10)
    expect(asked).toEqual([{ execute: 'query-status' }, { execute: 'query-status' }, { execute: 'cont' }])
  })

  it('reports a QEMU that never starts', async () => {
    await expect(resumeMachine(socket, 0.02)).rejects.toThrow(/did not load the saved state: .*ENOENT/)
  })
})
