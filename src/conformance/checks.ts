import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  execInGuest,
  type guestArgv,
  guestOomMonitor,
  routeToGuest,
  workloadClient,
  workloadGuest,
} from '../core/measure/guest-api.ts'
import type { ResolvedPlatform } from '../core/project/platforms.ts'
import type { LoadClientHost } from '../core/session/exec-target.ts'
import type { HostSession } from '../core/session/host-session.ts'
import { type GuestHandle, platformFamily } from '../driver.ts'
import type { CommandResult, ExecOptions } from '../dsl/guest.ts'
import { liveProcesses, setFrozen } from '../host/cgroup.ts'
import { sessionUsage } from '../host/load.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { runTimed } from '../host/timed-process.ts'
import { dataDisk } from '../vm/disks.ts'
import { left, bootSeconds as limit, namespacesOf, traces } from './traces.ts'

/** The checks of the conformance suite, with real guests. The end-to-end tests and `assertDriver` run the same ones. */

/** What the checks need of this host. */
export interface ConformanceHost {
  readonly session: HostSession
  readonly client: LoadClientHost
  readonly image: { readonly rootfs: string }
  readonly signal: AbortSignal
}

/** One requirement of the driver contract. `run` throws if the driver does not meet it. */
export interface ConformanceCheck {
  /** Completes the sentence "the guest ...". */
  readonly name: string
  run(): Promise<void>
}

/** Milliseconds for something quick, on emulated CPUs too. */
const slow = limit * 200

/** Milliseconds in which a VMM or an engine ends after its guest. */
const soon = 2000

/** Repeats a check until it passes. @throws its last error after `milliseconds` */
async function eventually(milliseconds: number, check: () => void): Promise<void> {
  const until = performance.now() + milliseconds
  for (;;) {
    try {
      check()
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(50)
    }
  }
}

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

/** Returns the checks of a guest that runs one command. They are independent of each other. */
export function oneShotChecks(
  { session, image, signal }: Omit<ConformanceHost, 'client'>,
  { driver, options }: ResolvedPlatform,
): ConformanceCheck[] {
  return [
    {
      name: 'gets its arguments as they are, gives its output and its exit code, and ends with it',
      run: async () => {
        await using place = await session.createSandbox(image.rootfs, limit)
        const { argv: command } = shell('printf "%s|" "$@"; echo err >&2; exit 7', ...odd)
        const argv = await driver.oneShot(place, command, options)
        // A daemon of the guest's own.
        const prepared = liveProcesses(place.group)
        const { stdout, stderr } = await runTimed(argv, {
          timeoutMs: limit * 1000,
          signal,
          label: 'once',
          exitCodes: [7],
        })
        assert.equal(stdout, `${odd.join('|')}|`)
        assert.match(stderr, /err/)
        // An engine's monitor may still be putting away what it wrote.
        await eventually(soon, () => assert.deepEqual(liveProcesses(place.group), prepared))
      },
    },
    {
      name: 'leaves nothing: after several of them, and when killed while booting',
      run: async () => {
        const before = traces(image.rootfs)
        const ids: string[] = []
        // Where a kernel boots, one takes seconds.
        const until = performance.now() + 4000
        for (let boots = 0; boots < 10 && (boots === 0 || performance.now() < until); boots++) {
          await using place = await session.createSandbox(image.rootfs, limit)
          ids.push(place.id)
          await runTimed(await driver.oneShot(place, ['/bin/true'], options), {
            timeoutMs: limit * 1000,
            signal,
            label: 'once',
          })
        }
        for (const timeoutMs of [5, 20, 60, 150]) {
          await using place = await session.createSandbox(image.rootfs, limit)
          ids.push(place.id)
          const argv = await driver.oneShot(place, ['/bin/sleep', '60'], options)
          await assert.rejects(runTimed(argv, { timeoutMs, label: 'once' }), /timed out after/)
        }
        assert.deepEqual(await left(before, image.rootfs, ids), [])
      },
    },
  ]
}

/** Returns the checks of a guest that stays. Call `open`, then run them in order: the last one removes the guest. */
export function guestChecks({ session, client, image, signal }: ConformanceHost, platform: ResolvedPlatform) {
  const { spec, driver, options } = platform
  const bounds = () => ({ until: performance.now() + limit * 1000, signal, exec: runTimed })
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
  const exec = (command: Parameters<typeof guestArgv>[0], input: ExecOptions = {}): Promise<CommandResult> =>
    execInGuest(where, command, input, bounds())
  const isolation: ConformanceCheck[] = [
    {
      name: 'does not see the processes of the host',
      run: async () => {
        await exec(shell('! test -e "/proc/$1"', String(process.pid)))
      },
    },
  ]
  const checks: ConformanceCheck[] = [
    {
      name: 'reports exit codes and signals',
      run: async () => {
        await exec(shell('exit 0'))
        await exec(shell('exit 7'), { exitCodes: [7] })
        await assert.rejects(exec(shell('exit 7')), /exit code 7/)
        await assert.rejects(exec(shell('kill -KILL $$')), /137/)
      },
    },
    {
      name: 'passes arguments as they are',
      run: async () => {
        const { stdout } = await exec(shell('printf "%s|" "$@"', ...odd))
        assert.equal(stdout, `${odd.join('|')}|`)
      },
    },
    {
      name: 'gives 10 MiB of bytes of every value from either output as they are',
      run: async () => {
        const bytes = randomBytes(10 * 1024 ** 2)
        const script = 'cat > /data/bytes; cat /data/bytes; cat /data/bytes >&2'
        const [file, ...args] = handle.execArgv(shell(script).argv)
        const most = { timeout: limit * 1000, maxBuffer: 2 ** 25 }
        const { stdout, stderr, status } = spawnSync(file, args, { input: bytes, ...most })
        assert.equal(status, 0)
        assert.equal(stdout.equals(bytes), true)
        assert.equal(stderr.equals(bytes), true)
      },
    },
    {
      name: 'takes a mebibyte of bytes of every value at its input and gives it back',
      run: async () => {
        const bytes = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + (at >> 8)) & 255))
        const [file, ...args] = handle.execArgv(['cat'])
        const { stdout, status } = spawnSync(file, args, { input: bytes, timeout: limit * 1000, maxBuffer: 2 ** 24 })
        assert.equal(status, 0)
        assert.equal(stdout.length, bytes.length)
        assert.equal(stdout.equals(bytes), true)
      },
    },
    {
      name: 'keeps the two outputs apart',
      run: async () => {
        const { stdout, stderr } = await exec(shell('echo out; echo err >&2'))
        assert.deepEqual([stdout, stderr], ['out\n', 'err\n'])
      },
    },
    {
      name: 'has the environment and the folder that a command asks for',
      run: async () => {
        const command = { ...shell('echo "$COLOUR"; pwd'), env: { COLOUR: 'red and blue' }, cwd: '/usr/lib' }
        assert.equal((await exec(command)).stdout, 'red and blue\n/usr/lib\n')
      },
    },
    {
      name: 'has the CPUs of the limits, and no more of them for a second busy thread',
      run: async () => {
        assert.equal((await exec({ argv: ['nproc'] })).stdout, '1\n')
        const busy = 'timeout 0.5 sh -c "while :; do :; done" & timeout 0.5 sh -c "while :; do :; done" &'
        // By the host's clock and accounts: gVisor counts what could run as running.
        const before = { at: performance.now(), used: sessionUsage(session.prefix)!.guests }
        const running = exec(shell(`${busy} wait`))
        const placed = () => liveProcesses(place.group).map((pid) => allowedCpus(pid))
        await eventually(slow, () => assert.ok(placed().length > 1))
        assert.deepEqual(new Set(placed().filter((cpus) => cpus !== undefined)), new Set([place.limits.cpus.join(',')]))
        await running
        const [seconds, used] = [
          (performance.now() - before.at) / 1e3,
          (sessionUsage(session.prefix)!.guests - before.used) / 1e9,
        ]
        // The clock tick is 10 ms.
        assert.ok(used < seconds * 1.05 + 0.02, `${used} s of CPU time in ${seconds} s`)
        assert.ok(used > 0.1, `${used} s of CPU time`)
      },
    },
    {
      name: 'has a separate network with one link',
      run: async () => {
        const { stdout } = await exec({ argv: ['cat', '/proc/net/dev'] })
        const links = [...stdout.matchAll(/^\s*([\w.-]+):/gm)].map(([, link]) => link)
        assert.deepEqual(links.sort(), ['eth0', 'lo'])
      },
    },
    {
      name: 'is called on at its address, until its server is stopped',
      run: async () => {
        const { caller, address } = routeToGuest(client, place, handle)
        const [inGuest, calling] = [
          workloadGuest(where, caller, address, bounds()),
          workloadClient(caller, bounds(), () => {}),
        ]
        const echo = { argv: ['socat', '-t', '60', 'TCP4-LISTEN:7007,fork,reuseaddr', 'EXEC:cat'] as const }
        const call = { argv: ['socat', '-t', '60', '-', `TCP4:${address}:7007,connect-timeout=20`] as const }
        {
          await using _server = await inGuest.serve(echo, { port: 7007 })
          assert.equal((await calling.exec(call, { input: 'hello' })).stdout, 'hello')
        }
        await assert.rejects(calling.exec(call, { input: 'hello' }), /exit code 1/)
      },
    },
    {
      name: 'reaches the client at the other end of its link',
      run: async () => {
        const { caller, address } = routeToGuest(client, place, handle)
        // A link is a /30 of two addresses, the client's the lower one.
        const other = handle.loopback ? address : address.replace(/\d+$/, (last) => String(Number(last) - 1))
        const [file, ...args] = caller.execArgv(['socat', 'TCP4-LISTEN:7008,reuseaddr', 'SYSTEM:echo hello'])
        const listening = spawn(file, args, { stdio: 'ignore' })
        try {
          const call = ['socat', '-u', `TCP4:${other}:7008,retry=50,interval=0.1`, '-'] as const
          assert.equal((await exec({ argv: call })).stdout, 'hello\n')
        } finally {
          listening.kill('SIGKILL')
        }
      },
    },
    {
      name: 'allows a second guest with another address, other data and other processes',
      run: async () => {
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
        assert.deepEqual(await Promise.all(answers), ['first', 'second'])
      },
    },
    {
      name: "writes to /data on the host's disk, and reads from it",
      run: async () => {
        const { stdout } = await exec(shell('echo guest > /data/from-guest && sync && cat /data/from-guest'))
        assert.equal(stdout, 'guest\n')
        assert.equal(onHost(place, 'from-guest'), 'guest\n')
      },
    },
    {
      name: 'cannot write to the image',
      run: async () => {
        await assert.rejects(exec(shell('echo x > /usr/written')), /exit code/)
        assert.equal(existsSync(join(image.rootfs, 'usr/written')), false)
      },
    },
    // A process on the host sees the processes of the host.
    ...(platformFamily(driver, options) === 'native' ? [] : isolation),
    {
      name: 'stops when it is frozen and goes on when it is thawed',
      run: async () => {
        const [file, ...args] = handle.execArgv(shell('until test -e /data/enough; do printf .; sleep 0.01; done').argv)
        const ticking = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] })
        const ended = new Promise((resolve) => ticking.once('close', resolve))
        let ticks = 0
        ticking.stdout.on('data', (bytes: Buffer) => {
          ticks += bytes.length
        })
        await eventually(slow, () => assert.ok(ticks > 0))
        await setFrozen(place.group, true)
        // What is on its way still comes.
        await sleep(100)
        const frozen = ticks
        await sleep(300)
        assert.equal(ticks, frozen)
        await setFrozen(place.group, false)
        await eventually(slow, () => assert.ok(ticks > frozen))
        await exec(shell('touch /data/enough'))
        assert.equal(await ended, 0)
      },
    },
    {
      name: 'kills only an allocation over the memory limit, and reports it',
      run: async () => {
        // In steps, because a kernel may refuse too much at once. In few, because a guest without free memory keeps
        // reading its programs again.
        const keep = (blocks: number) =>
          exec({ argv: ['perl', '-e', 'push @kept, chr(65 + $_ % 26) x 2**26 for 1 .. $ARGV[0]', String(blocks)] })
        await keep(1)
        await assert.rejects(keep(16), /went over the memory that guests have/)
      },
    },
    {
      name: 'leaves nothing, with commands still running in it',
      run: async () => {
        const running = exec({ argv: ['sleep', '60'] }).catch(() => {})
        await sleep(100)
        const namespaces = namespacesOf(liveProcesses(place.group))
        await place[Symbol.asyncDispose]()
        await running
        assert.deepEqual(await left(before, image.rootfs, [place.id], namespaces), [])
      },
    },
  ]
  return {
    checks,
    open: async (): Promise<void> => {
      before = traces(image.rootfs)
      place = await session.createSandbox(image.rootfs, limit)
      handle = await driver.boot(place, options)
      outOfMemory = guestOomMonitor(place, handle)
    },
    close: async (): Promise<void> => {
      await place?.[Symbol.asyncDispose]()
    },
  }
}
