import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PlatformFamily } from '../dsl/platform.ts'
import { liveProcesses, setFrozen } from '../host/cgroup.ts'
import { hostEnvironment } from '../host/environment.ts'
import { sessionUsage } from '../host/load.ts'
import { deviceNames } from '../host/mounts.ts'
import { idleCommand } from '../host/process.ts'
import { type ProcessSecurity, parseProcessSecurity } from '../host/process-security.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { messageOf } from '../util/errors.ts'
import { dataDisk } from '../vm/disks.ts'
import { type ConformanceCheck, eventually, type GuestUnderTest, shell, slow } from './check.ts'
import {
  describeExit,
  expectFailure,
  expectNone,
  expectSuccess,
  expectText,
  expectThat,
  quote,
} from './expectations.ts'

/** The CPUs that a process may use, as the kernel lists them. */
function allowedCpus(pid: number): string | undefined {
  try {
    return /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    // The process has ended.
    return undefined
  }
}

/** The content of a file of /data, read on the host: in the sandbox's folder, or on the disk that replaces it. */
function onHost(place: OwnedGuestSandbox, name: string): string {
  const disk = dataDisk(place)
  return existsSync(disk)
    ? execFileSync('debugfs', ['-R', `cat /${name}`, disk], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: hostEnvironment(),
      })
    : readFileSync(join(place.dataDir, name), 'utf8')
}

/** The options of every mount of the data directory as `/data` that a process of the guest has on the host. */
function dataMountOptions({ group, stateDir }: OwnedGuestSandbox): string[] {
  const options = liveProcesses(group).flatMap((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
        .split('\n')
        .map((line) => line.split(' '))
      return fields.filter(([, , , , path]) => path === '/data' || path === join(stateDir, 'view/data'))
    } catch {
      // The process has ended.
      return []
    }
  })
  return [...new Set(options.map((fields) => fields[5]!))]
}

/**
 * @param used seconds of CPU time
 * @throws {ConformanceError} if the guest used more than the CPUs of its limits
 */
export function expectCpuTime(used: number, seconds: number, cpus: number): void {
  const seen = `${(used / seconds).toFixed(2)} CPUs for ${seconds.toFixed(2)} s`
  // The clock tick is 10 ms.
  expectThat(used < seconds * cpus * 1.05 + 0.02, `at most ${cpus} CPU, the limit of the guest`, seen)
}

/** Returns the check of the CPU limit. */
export function cpuCheck(guest: GuestUnderTest): ConformanceCheck {
  const guestCpuSeconds = (): number => {
    const usage = sessionUsage(guest.session.prefix)
    expectThat(usage !== null, 'accounts of CPU time in the cgroups', 'none on this host')
    return usage.guests / 1e9
  }
  return {
    name: 'has the CPUs of the limits, and no more of them for a second busy thread',
    run: async () => {
      const { cpus } = guest.place.limits
      const counting = guest.exec({ argv: ['nproc'] })
      const { stdout } = await expectSuccess('the number of CPUs, by nproc', counting)
      expectText('the number of CPUs', `${cpus.length}\n`, stdout)
      // By the host's clock and accounts: gVisor counts what could run as running.
      const started = performance.now()
      const usedBefore = guestCpuSeconds()
      const used = () => guestCpuSeconds() - usedBefore
      const running = guest.exec(
        shell('for thread in 1 2; do until test -e /data/busy-enough; do :; done & done; wait'),
      )
      running.catch(() => {})
      try {
        const placed = () => liveProcesses(guest.place.group).map((pid) => allowedCpus(pid))
        const several = "several processes in the guest's cgroup"
        await eventually(slow, () => expectThat(placed().length > 1, several, `${placed().length}`))
        const usable = [...new Set(placed().filter((list) => list !== undefined))]
        expectText('processes on the CPUs', cpus.join(','), usable.join(' and '))
        await sleep(500)
        // Other processes of a busy host leave the guest little time.
        const counted = "two busy threads in the accounts of the guest's cgroup"
        await eventually(slow, () => expectThat(used() > 0.1, counted, `${used().toFixed(2)} s of CPU time`))
      } finally {
        await guest.exec(shell('touch /data/busy-enough')).catch(() => {})
      }
      await expectSuccess('exit code 0 of two busy threads', running)
      expectCpuTime(used(), (performance.now() - started) / 1e3, cpus.length)
    },
  }
}

/** Returns the checks of files and isolation, except the network. */
export function fileChecks(guest: GuestUnderTest, family: PlatformFamily): ConformanceCheck[] {
  const isolation: ConformanceCheck = {
    name: 'does not see the processes of the host',
    run: async () => {
      const looking = guest.exec(shell('test -e "/proc/$1" && echo visible || echo hidden', String(process.pid)))
      const { stdout } = await expectSuccess('exit code 0', looking)
      expectThat(stdout !== 'visible\n', "no process of the host in the guest's /proc", `${process.pid} is one`)
      expectText('the result of a search for a process of the host', 'hidden\n', stdout)
    },
  }
  const confinement: ConformanceCheck = {
    name: 'confines its commands as it confines its first process',
    run: async () => {
      // A guest that boots a kernel or an init system has no such first process.
      const script = `cat /proc/self/status; echo ---; for process in /proc/[0-9]*; do
        case $(tr '\\0' ' ' < "$process/cmdline" 2>/dev/null) in "$*"*) cat "$process/status"; break;; esac
      done`
      const { stdout } = await expectSuccess('exit code 0', guest.exec(shell(script, ...idleCommand)))
      const [own, first] = stdout.split('---\n').map(parseProcessSecurity)
      if (!own || !first) return
      // nspawn has a filter for each of several purposes, and isobench one.
      const described = ({ capabilities, seccomp, noNewPrivileges }: ProcessSecurity) =>
        `seccomp ${seccomp}, no_new_privs ${noNewPrivileges}, capabilities ${capabilities.join(' ')}`
      expectText('the confinement of a command', described(first), described(own))
    },
  }
  const devices: ConformanceCheck = {
    name: "has device nodes that are not the host's",
    run: async () => {
      const paths = deviceNames.map((name) => `/dev/${name}`)
      const listing = guest.exec({ argv: ['stat', '--format=%n %F %d:%i', ...paths] })
      const { stdout } = await expectSuccess('exit code 0 of looking at the device nodes', listing)
      const nodes = stdout.trim().split('\n')
      const others = nodes.filter((line) => !line.includes('character special file'))
      expectNone('path in /dev that is no device node', others)
      // Root in the guest may be root of the host, and then its chmod would change them.
      const shared = paths.filter((path) => {
        const { dev, ino } = statSync(path)
        return nodes.some((line) => line.startsWith(`${path} `) && line.endsWith(` ${dev}:${ino}`))
      })
      expectNone('device node of the host', shared)
    },
  }
  return [
    {
      name: "writes to /data on the host's disk, and reads from it",
      run: async () => {
        const writing = guest.exec(shell('echo guest > /data/from-guest && sync && cat /data/from-guest'))
        const { stdout } = await expectSuccess('exit code 0 of writing to /data', writing)
        expectText('the content of the file in the guest', 'guest\n', stdout)
        let content: string
        try {
          content = onHost(guest.place, 'from-guest')
        } catch (error) {
          content = messageOf(error)
        }
        expectText('the content of the file on the host', 'guest\n', content)
      },
    },
    {
      name: 'cannot write to the image',
      run: async () => {
        const writing = guest.exec(shell('echo x > /usr/written'))
        const file = join(guest.image.rootfs, 'usr/written')
        try {
          await expectFailure('an error of a command that writes to /usr', /exit code/, writing)
          expectThat(!existsSync(file), 'an unchanged image', 'the file that the guest wrote is in the image')
        } finally {
          rmSync(file, { force: true })
        }
      },
    },
    {
      name: 'leaves no set-uid program that another user of the host can run',
      run: async () => {
        const program = join(guest.place.dataDir, 'set-uid')
        const leaving = guest.exec(shell('cp /bin/busybox /data/set-uid && chmod 4755 /data/set-uid'))
        await expectSuccess('exit code 0 of copying a program to /data', leaving)
        // With another kernel, the processes on the host are those of the platform.
        if (family === 'native' || family === 'container') {
          const unsafe = dataMountOptions(guest.place).filter((options) => !/\bnosuid\b.*\bnodev\b/.test(options))
          expectNone('mount of /data without nosuid and nodev', unsafe)
        }
        // A disk is no folder of the host.
        if (!existsSync(program)) return
        // A shell tries it, because setpriv itself keeps its capabilities until it executes a program.
        const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', 'exec "$0"', program]
        const { stderr } = spawnSync('setpriv', asNobody, { encoding: 'utf8', cwd: '/', env: hostEnvironment() })
        expectThat(stderr.includes('Permission denied'), 'no permission to run it for another user', quote(stderr))
      },
    },
    ...(family === 'native' || family === 'container' ? [devices] : []),
    // A process on the host sees the processes of the host.
    ...(family === 'native' ? [] : [isolation, confinement]),
  ]
}

const MiB = 1024 ** 2
/** MiB that the guest of a check stores in memory. */
const stored = 32

/** Returns the checks of freezing, of the memory that isobench counts, and of its limit. */
export function limitChecks(guest: GuestUnderTest): ConformanceCheck[] {
  return [
    {
      name: 'has its memory in the accounts of its sandbox',
      run: async () => {
        const { handle, place } = guest
        if (handle.singleProcess || handle.servedOutside !== undefined) return
        const script = 'dd if=/dev/zero of=/dev/shm/stored bs=1M count="$1" 2>/dev/null'
        await expectSuccess(`room for ${stored} MiB in /dev/shm`, guest.exec(shell(script, String(stored))))
        // Not the growth, because the memory of a VM may have been used before. Linux brings memory.stat up to date at
        // the latest after 2 s (FLUSH_TIME in mm/memcontrol.c), and a reader does not always wait for that.
        await eventually(slow, () => {
          const counted = place.memory().total
          expectThat(
            counted >= stored * MiB,
            `at least the ${stored} MiB that the guest stores`,
            `${Math.round(counted / MiB)} MiB`,
          )
        })
        await expectSuccess('exit code 0', guest.exec(shell('rm /dev/shm/stored')))
      },
    },
    {
      name: 'stops when it is frozen and goes on when it is thawed',
      run: async () => {
        const script = 'until test -e /data/enough; do printf .; sleep 0.01; done'
        const [file, ...args] = guest.handle.execArgv(shell(script).argv)
        const ticking = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], env: hostEnvironment() })
        const ended = new Promise<string>((resolve) => {
          ticking.once('error', ({ message }) => resolve(message))
          ticking.once('close', (code, signal) => resolve(describeExit(code, signal)))
        })
        let ticks = 0
        ticking.stdout.on('data', (bytes: Buffer) => {
          ticks += bytes.length
        })
        try {
          const output = 'output every 10 ms'
          await eventually(slow, () => expectThat(ticks > 0, `${output} before the guest is frozen`, 'none'))
          await setFrozen(guest.place.group, true)
          // What is on its way still comes.
          await sleep(100)
          const frozen = ticks
          await sleep(300)
          expectThat(ticks === frozen, 'no output of a frozen guest', `${ticks - frozen} bytes in 0.3 s`)
          await setFrozen(guest.place.group, false)
          await eventually(slow, () => expectThat(ticks > frozen, `${output} after the guest is thawed`, 'none'))
          await expectSuccess('exit code 0', guest.exec(shell('touch /data/enough')))
          expectText('the end of the command:', 'exit code 0', await ended)
        } finally {
          await setFrozen(guest.place.group, false)
          ticking.kill('SIGKILL')
        }
      },
    },
    {
      name: 'kills only an allocation over the memory limit, and reports it',
      run: async () => {
        // In steps, because a kernel may refuse too much at once. In few, because a guest without free memory keeps
        // reading its programs again.
        const keep = (blocks: number) =>
          guest.exec({
            argv: ['perl', '-e', 'push @kept, chr(65 + $_ % 26) x 2**26 for 1 .. $ARGV[0]', String(blocks)],
          })
        const limit = `with a limit of ${Math.round(guest.place.limits.memoryBytes / MiB)} MiB`
        await expectSuccess(`room for 64 MiB ${limit}`, keep(1))
        await expectFailure(
          `an out-of-memory kill of a command that needs 1 GiB ${limit}`,
          /went over the memory that guests have/,
          keep(16),
        )
      },
    },
  ]
}
