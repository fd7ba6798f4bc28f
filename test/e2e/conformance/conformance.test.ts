/** Tests every driver of this repository's config that works on this host with real guests. */

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  execInGuest,
  type guestArgv,
  guestOomMonitor,
  routeToGuest,
  workloadClient,
  workloadGuest,
} from '../../../src/core/measure/guest-api.ts'
import { loadProject } from '../../../src/core/project/config.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../../../src/core/project/platforms.ts'
import { ensureArtifacts } from '../../../src/core/session/artifacts.ts'
import type { LoadClientHost } from '../../../src/core/session/exec-target.ts'
import { HostSession } from '../../../src/core/session/host-session.ts'
import { probePlatforms } from '../../../src/core/session/probe.ts'
import type { GuestHandle } from '../../../src/driver.ts'
import type { CommandResult, ExecOptions } from '../../../src/dsl/guest.ts'
import { platform } from '../../../src/dsl/platform.ts'
import { liveProcesses, setFrozen } from '../../../src/host/cgroup.ts'
import { ensureImage } from '../../../src/host/image.ts'
import { sessionUsage } from '../../../src/host/load.ts'
import type { OwnedGuestSandbox } from '../../../src/host/sandbox.ts'
import { runTimed } from '../../../src/host/timed-process.ts'
import { drivers } from '../../../src/platforms/index.ts'
import { dataDisk } from '../../../src/vm/disks.ts'
import { isChosen } from '../support/host.ts'
import { describeUnless } from '../support/skip.ts'
import { left, bootSeconds as limit, namespacesOf, traces } from './traces.ts'

/** Milliseconds for something quick, on emulated CPUs too. */
const slow = limit * 200

const project = await loadProject(join(import.meta.dirname, '../../..'))
const { signal } = new AbortController()
// Less than the config's, so that going over it does not take long.
const guest = { cpus: 1, memoryBytes: 512 * 1024 ** 2 }
const open = () => HostSession.open(guest, { purpose: 'the conformance suite', wait: true, signal })

/** Options that no platform of the config has. */
const besides = [
  platform('lxc', { name: 'lxc-systemd-privileged', init: 'systemd', privileged: true }),
  platform('firecracker', { name: 'firecracker-jailed', jailer: true }),
]

/** Platforms that differ from another one only in the package of their kernel. */
const asAnother = ['qemu-virtiofs']

/** Which platforms work here. In a separate session, which is closed even if no test of this file runs. */
async function probed() {
  await using session = await open()
  const image = await ensureImage(project.image, { journal: session.journal })
  const chosen = [...project.platforms, ...besides].filter(({ name }) => isChosen(name) && !asAnother.includes(name))
  const resolved = resolvePlatforms(chosen, drivers, project.configFile)
  await ensureArtifacts(resolved, image.rootfs, { journal: session.journal })
  const probes = await probePlatforms(resolved, session, image)
  return { image, platforms: resolved.map((one, at) => ({ platform: one, probe: probes[at]! })) }
}

const { image, platforms } = await probed()
let session: HostSession
let client: LoadClientHost
beforeAll(async () => {
  session = await open()
  client = await session.loadClient(image.rootfs)
})
afterAll(() => session?.[Symbol.asyncDispose]())

/** The CPUs that a process may use, as the kernel lists them. */
function allowedCpus(pid: number): string | undefined {
  try {
    return /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    // The process has ended.
    return undefined
  }
}

/** Arguments that a program could misread when it passes them on. */
const odd = ['', ' ', '$HOME', '%n', "it's", '"', '\\', '*', 'a\nb', '-n', '--', 'ü']

const shell = (script: string, ...args: string[]) => ({ argv: ['/bin/sh', '-c', script, 'sh', ...args] as const })

/** The content of a file of /data, read on the host: in the sandbox's folder, or on the disk that replaces it. */
function onHost(place: OwnedGuestSandbox, name: string): string {
  const disk = dataDisk(place)
  return existsSync(disk)
    ? execFileSync('debugfs', ['-R', `cat /${name}`, disk], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    : readFileSync(join(place.dataDir, name), 'utf8')
}

for (const { platform: resolved, probe } of platforms) {
  const { name } = resolved.spec
  describeUnless(probe.available ? '' : (probe.reason ?? 'unknown'), 'platform-unavailable', name, () =>
    conforms(resolved),
  )
}

function conforms({ spec, driver, options }: ResolvedPlatform) {
  const bounds = () => ({ until: performance.now() + limit * 1000, signal, exec: runTimed })

  describe('a guest that runs one command', () => {
    it('gets its arguments as they are, gives its output and its exit code, and ends with it', async () => {
      await using place = await session.createSandbox(image.rootfs, limit)
      const { argv: command } = shell('printf "%s|" "$@"; echo err >&2; exit 7', ...odd)
      const argv = await driver.oneShot(place, command, options)
      // A daemon of the guest's own.
      const prepared = liveProcesses(place.group)
      const { stdout, stderr } = await runTimed(argv, { timeoutMs: limit * 1000, label: 'once', exitCodes: [7] })
      expect(stdout).toBe(`${odd.join('|')}|`)
      expect(stderr).toContain('err')
      // An engine's monitor may still be putting away what it wrote.
      await expect.poll(() => liveProcesses(place.group), { timeout: 2000 }).toEqual(prepared)
    })

    it('leaves nothing: after several of them, and when killed while booting', async () => {
      const before = traces(image.rootfs)
      const ids: string[] = []
      // Where a kernel boots, one takes seconds.
      const until = performance.now() + 4000
      for (let boots = 0; boots < 10 && (boots === 0 || performance.now() < until); boots++) {
        await using place = await session.createSandbox(image.rootfs, limit)
        ids.push(place.id)
        await runTimed(await driver.oneShot(place, ['/bin/true'], options), { timeoutMs: limit * 1000, label: 'once' })
      }
      for (const timeoutMs of [5, 20, 60, 150]) {
        await using place = await session.createSandbox(image.rootfs, limit)
        ids.push(place.id)
        const argv = await driver.oneShot(place, ['/bin/sleep', '60'], options)
        await expect(runTimed(argv, { timeoutMs, label: 'once' })).rejects.toThrow('timed out after')
      }
      expect(await left(before, image.rootfs, ids)).toEqual([])
    })
  })

  describe('a guest that commands are entered into', () => {
    let before: ReadonlySet<string>
    let place: OwnedGuestSandbox
    let handle: GuestHandle
    let outOfMemory: () => Promise<boolean>
    const where = {
      name: spec.name,
      rootfs: image.rootfs,
      execArgv: (argv: readonly string[]) => handle.execArgv(argv),
      ranOutOfMemory: () => outOfMemory(),
    }
    const exec = (command: Parameters<typeof guestArgv>[0], given: ExecOptions = {}): Promise<CommandResult> =>
      execInGuest(where, command, given, bounds())

    beforeAll(async () => {
      before = traces(image.rootfs)
      place = await session.createSandbox(image.rootfs, limit)
      handle = await driver.boot(place, options)
      outOfMemory = guestOomMonitor(place, handle)
    })
    afterAll(() => place?.[Symbol.asyncDispose]())

    it('reports exit codes and signals', async () => {
      await exec(shell('exit 0'))
      await exec(shell('exit 7'), { exitCodes: [7] })
      await expect(exec(shell('exit 7'))).rejects.toThrow('exit code 7')
      await expect(exec(shell('kill -KILL $$'))).rejects.toThrow('137')
    })

    it('passes arguments as they are', async () => {
      const { stdout } = await exec(shell('printf "%s|" "$@"', ...odd))
      expect(stdout).toBe(`${odd.join('|')}|`)
    })

    it('gives 10 MiB of bytes of every value from either output as they are', () => {
      const bytes = randomBytes(10 * 1024 ** 2)
      const script = 'cat > /data/bytes; cat /data/bytes; cat /data/bytes >&2'
      const [file, ...args] = handle.execArgv(shell(script).argv)
      const most = { timeout: limit * 1000, maxBuffer: 2 ** 25 }
      const { stdout, stderr, status } = spawnSync(file, args, { input: bytes, ...most })
      expect(status).toBe(0)
      expect(stdout.equals(bytes)).toBe(true)
      expect(stderr.equals(bytes)).toBe(true)
    })

    it('takes a mebibyte of bytes of every value at its input and gives it back', () => {
      const bytes = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + (at >> 8)) & 255))
      const [file, ...args] = handle.execArgv(['cat'])
      const { stdout, status } = spawnSync(file, args, { input: bytes, timeout: limit * 1000, maxBuffer: 2 ** 24 })
      expect(status).toBe(0)
      expect(stdout.length).toBe(bytes.length)
      expect(stdout.equals(bytes)).toBe(true)
    })

    it('keeps the two outputs apart', async () => {
      const { stdout, stderr } = await exec(shell('echo out; echo err >&2'))
      expect([stdout, stderr]).toEqual(['out\n', 'err\n'])
    })

    it('has the environment and the folder that a command asks for', async () => {
      const command = { ...shell('echo "$COLOUR"; pwd'), env: { COLOUR: 'red and blue' }, cwd: '/usr/lib' }
      expect((await exec(command)).stdout).toBe('red and blue\n/usr/lib\n')
    })

    it('has the CPUs of the limits, and no more of them for a second busy thread', async () => {
      expect((await exec({ argv: ['nproc'] })).stdout).toBe('1\n')
      const busy = 'timeout 0.5 sh -c "while :; do :; done" & timeout 0.5 sh -c "while :; do :; done" &'
      // By the host's clock and accounts: gVisor counts what could run as running.
      const before = { at: performance.now(), used: sessionUsage(session.prefix)!.guests }
      const running = exec(shell(`${busy} wait`))
      const placed = () => liveProcesses(place.group).map((pid) => allowedCpus(pid))
      await expect.poll(() => placed().length, { timeout: slow }).toBeGreaterThan(1)
      expect(new Set(placed().filter((cpus) => cpus !== undefined))).toEqual(new Set([place.limits.cpus.join(',')]))
      await running
      const [seconds, used] = [
        (performance.now() - before.at) / 1e3,
        (sessionUsage(session.prefix)!.guests - before.used) / 1e9,
      ]
      // The clock tick is 10 ms.
      expect(used).toBeLessThan(seconds * 1.05 + 0.02)
      expect(used).toBeGreaterThan(0.1)
    })

    it('has a separate network with one link', async () => {
      const { stdout } = await exec({ argv: ['cat', '/proc/net/dev'] })
      const links = [...stdout.matchAll(/^\s*([\w.-]+):/gm)].map(([, link]) => link)
      expect(links.sort()).toEqual(['eth0', 'lo'])
    })

    it('is called on at its address, until its server is stopped', async () => {
      const { caller, address } = routeToGuest(client, place, handle)
      const [inGuest, calling] = [
        workloadGuest(where, caller, address, bounds()),
        workloadClient(caller, bounds(), () => {}),
      ]
      const echo = { argv: ['socat', '-t', '60', 'TCP4-LISTEN:7007,fork,reuseaddr', 'EXEC:cat'] as const }
      const call = { argv: ['socat', '-t', '60', '-', `TCP4:${address}:7007,connect-timeout=20`] as const }
      {
        await using _server = await inGuest.serve(echo, { port: 7007 })
        expect((await calling.exec(call, { input: 'hello' })).stdout).toBe('hello')
      }
      await expect(calling.exec(call, { input: 'hello' })).rejects.toThrow('exit code 1')
    })

    it('reaches the client at the other end of its link', async () => {
      const { caller, address } = routeToGuest(client, place, handle)
      // A link is a /30 of two addresses, the client's the lower one.
      const other = handle.loopback ? address : address.replace(/\d+$/, (last) => String(Number(last) - 1))
      const [file, ...args] = caller.execArgv(['socat', 'TCP4-LISTEN:7008,reuseaddr', 'SYSTEM:echo hello'])
      const listening = spawn(file, args, { stdio: 'ignore' })
      try {
        const call = ['socat', '-u', `TCP4:${other}:7008,retry=50,interval=0.1`, '-'] as const
        expect((await exec({ argv: call })).stdout).toBe('hello\n')
      } finally {
        listening.kill('SIGKILL')
      }
    })

    it('allows a second guest with another address, other data and other processes', async () => {
      await using second = await session.createSandbox(image.rootfs, limit)
      const beside = await driver.boot(second, options)
      const other = { ...where, execArgv: (argv: readonly string[]) => beside.execArgv(argv) }
      await exec(shell('printf first > /data/which'))
      await execInGuest(other, shell('printf second > /data/which'), {}, bounds())
      const servers = [
        { where, place, handle },
        { where: other, place: second, handle: beside },
      ]
      const answers = servers.map(async ({ where, place, handle }) => {
        const { caller, address } = routeToGuest(client, place, handle)
        const served = { argv: ['socat', 'TCP4-LISTEN:7009,fork,reuseaddr', 'EXEC:cat /data/which'] as const }
        await using _server = await workloadGuest(where, caller, address, bounds()).serve(served, { port: 7009 })
        const call = { argv: ['socat', '-u', `TCP4:${address}:7009,connect-timeout=20`, '-'] as const }
        return (await execInGuest(caller, call, {}, bounds())).stdout
      })
      expect(await Promise.all(answers)).toEqual(['first', 'second'])
    })

    it("writes to /data on the host's disk, and reads from it", async () => {
      const { stdout } = await exec(shell('echo guest > /data/from-guest && sync && cat /data/from-guest'))
      expect(stdout).toBe('guest\n')
      expect(onHost(place, 'from-guest')).toBe('guest\n')
    })

    it('cannot write to the image', async () => {
      await expect(exec(shell('echo x > /usr/written'))).rejects.toThrow('exit code')
      expect(existsSync(join(image.rootfs, 'usr/written'))).toBe(false)
    })

    if (driver.family !== 'native')
      it('does not see the processes of the host', async () => {
        await exec(shell('! test -e "/proc/$1"', String(process.pid)))
      })

    it('stops when it is frozen and goes on when it is thawed', async () => {
      const [file, ...args] = handle.execArgv(shell('until test -e /data/enough; do printf .; sleep 0.01; done').argv)
      const ticking = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] })
      const ended = new Promise((resolve) => ticking.once('close', resolve))
      let ticks = 0
      ticking.stdout.on('data', (bytes: Buffer) => {
        ticks += bytes.length
      })
      await expect.poll(() => ticks, { timeout: slow }).toBeGreaterThan(0)
      await setFrozen(place.group, true)
      // What is on its way still comes.
      await sleep(100)
      const frozen = ticks
      await sleep(300)
      expect(ticks).toBe(frozen)
      await setFrozen(place.group, false)
      await expect.poll(() => ticks, { timeout: slow }).toBeGreaterThan(frozen)
      await exec(shell('touch /data/enough'))
      expect(await ended).toBe(0)
    })

    it('kills only an allocation over the memory limit, and reports it', async () => {
      // In steps, because a kernel may refuse too much at once. In few, because a guest without free memory keeps
      // reading its programs again.
      const keep = (blocks: number) =>
        exec({ argv: ['perl', '-e', 'push @kept, chr(65 + $_ % 26) x 2**26 for 1 .. $ARGV[0]', String(blocks)] })
      await keep(1)
      await expect(keep(16)).rejects.toThrow('went over the memory that guests have')
    })

    it('leaves nothing, with commands still running in it', async () => {
      const running = exec({ argv: ['sleep', '60'] }).catch(() => {})
      await sleep(100)
      const namespaces = namespacesOf(liveProcesses(place.group))
      await place[Symbol.asyncDispose]()
      await running
      expect(await left(before, image.rootfs, [place.id], namespaces)).toEqual([])
    })
  })
}
