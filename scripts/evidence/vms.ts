/** The cost of isobench for a VM: a boot through isobench against the same VMM by hand, and the agent in the guest. */

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolvePlatforms } from '../../src/core/project/platforms.ts'
import { ensureArtifacts } from '../../src/core/session/artifacts.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { median } from '../../src/core/stats/index.ts'
import { platform } from '../../src/dsl/platform.ts'
import { ensureImage } from '../../src/host/image.ts'
import type { HostArgv } from '../../src/host/process.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { optionsSchema as qemuOptions, vmSpec } from '../../src/platforms/qemu.ts'
import { ensureDisk } from '../../src/vm/disks.ts'
import { ensureKernel } from '../../src/vm/kernel.ts'
import { supervisorRunArgv } from '../../src/vm/supervisor.ts'
import { countOption, listOption, type Measurement } from './measurement.ts'

const limit = 150

interface Options {
  readonly boots: number
  /** Drivers to measure the agent of. */
  readonly names: readonly string[]
}

/**
 * A script that does what the VM supervisor does and no more. It starts the helper and the VMM, waits for the agent's
 * first message, makes it run a command and halt, and ends with the VMM.
 */
const byHand = `
use strict; use Socket;
my ($dir, @words) = @ARGV; chdir $dir or die;
my @helper = splice @words, 0, shift @words; my @monitor = splice @words, 0, shift @words;
socket my $l, PF_UNIX, SOCK_STREAM, 0; unlink 'helper.sock'; bind $l, sockaddr_un('helper.sock') or die; listen $l, 4;
socketpair my $us, my $them, PF_UNIX, SOCK_STREAM, 0;
sub run { my ($h, $n, @argv) = @_; my $pid = fork; return $pid if $pid; open STDIN, '<', '/dev/null';
  open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; syscall 33, fcntl($h, 0, 10) + 0, $n; exec @argv; die }
my $h = @helper ? run($l, 4, @helper) : 0; my $m = run($them, 3, @monitor); close $them; close $l;
my $all = ''; sysread $us, $all, 4096, length $all or die while length $all < 39;
syswrite $us, pack 'CnNa*', 1, 1, 10, "/bin/true\\0";
sysread $us, $all, 4096, length $all or die while length $all < 39 + 9;
syswrite $us, pack 'CnN', 6, 0, 0; waitpid $m, 0; kill 'TERM', $h if $h;
`

/** Alternates boots of QEMU's microvm through isobench and by hand. */
async function boots(
  session: HostSession,
  rootfs: string,
  count: number,
  print: (line: string) => void,
): Promise<void> {
  const from = { debian: 'cloud' } as const
  const options = qemuOptions.parse({ machine: 'microvm', accel: 'tcg' })
  const kernel = await ensureKernel({ journal: session.journal }, from)
  const disk = await ensureDisk(rootfs, { journal: session.journal })
  const times = { isobench: [] as number[], hand: [] as number[] }
  for (let boot = 0; boot < count; boot++) {
    for (const by of boot % 2 === 0 ? (['isobench', 'hand'] as const) : (['hand', 'isobench'] as const)) {
      await using sandbox = await session.createSandbox(rootfs, limit)
      const spec = await vmSpec(sandbox, { kernel, disk, accel: 'tcg' }, options)
      const lines = [spec.helper ?? [], spec.vmm].flatMap((words) => [String(words.length), ...words])
      const hand: HostArgv = ['perl', '-e', byHand, sandbox.stateDir, ...lines]
      const argv = sandbox.wrapWithTap(by === 'hand' ? hand : supervisorRunArgv(sandbox, spec, ['/bin/true']))
      await sandbox.run(sandbox.wrap(['true']))
      const { milliseconds } = await runTimed(argv, { timeoutMs: limit * 1000, label: by })
      times[by].push(milliseconds)
    }
  }
  const [ours, theirs] = [median(times.isobench), median(times.hand)]
  print(
    `vms: boot of QEMU microvm: isobench ${ours.toFixed(0)} ms, by hand ${theirs.toFixed(0)} ms, ` +
      `${count} boots each: ratio ${(ours / theirs).toFixed(3)} (goal: 1.00 ± 0.05)`,
  )
}

/** Measures, on the host, `true` in a guest and reading 10 MiB from it. */
async function agent(session: HostSession, rootfs: string, kind: string, print: (line: string) => void): Promise<void> {
  const spec = platform(kind as 'qemu')
  const [resolved] = resolvePlatforms([spec], drivers, 'the evidence runner')
  const { driver, options } = resolved!
  await ensureArtifacts([resolved!], rootfs, { journal: session.journal })
  await using sandbox = await session.createSandbox(rootfs, limit)
  const handle = await driver.boot(sandbox, options)
  const truth: number[] = []
  for (let run = 0; run < 40; run++) {
    const argv = handle.execArgv(['/bin/true'])
    truth.push((await runTimed(argv, { timeoutMs: limit * 1000, label: 'true' })).milliseconds)
  }
  const bytes = randomBytes(10 * 1024 ** 2)
  writeFileSync(join(sandbox.dataDir, 'bytes'), bytes)
  const reading = (): { readonly seconds: number; readonly same: boolean } => {
    const [file, ...args] = handle.execArgv(['cat', '/data/bytes'])
    const started = performance.now()
    const { stdout } = spawnSync(file, args, { timeout: limit * 1000, maxBuffer: 2 ** 25 })
    return { seconds: (performance.now() - started) / 1000, same: stdout.equals(bytes) }
  }
  // The first one also reads the file into the guest.
  const reads = Array.from({ length: 5 }, reading)
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
  print(
    `vms: agent of ${kind}: true ${median(truth).toFixed(0)} ms (goal with TCG: at most 60), ` +
      `10 MiB ${median(reads.map(({ seconds }) => seconds)).toFixed(2)} s (goal: at most 3), ` +
      `${reads.every(({ same }) => same) ? 'byte-identical' : 'NOT the same bytes'}, load ${load}`,
  )
}

async function measureVms({ boots: count, names }: Options, print: (line: string) => void): Promise<void> {
  await using session = await HostSession.open(
    { cpus: 1, memoryBytes: 1024 ** 3 },
    { purpose: 'evidence: vms', wait: true, signal: new AbortController().signal },
  )
  const { rootfs } = await ensureImage({}, { journal: session.journal })
  for (const kind of names) await agent(session, rootfs, kind, print)
  await boots(session, rootfs, count, print)
}

export const vms: Measurement = {
  description: 'boots of QEMU microvm against QEMU by hand, and the agent in the guest',
  options: { boots: 'boots of each kind; 10', platform: 'drivers to measure the agent of; qemu,user-mode-linux' },
  run: ({ options, print }) =>
    measureVms(
      { boots: countOption(options.boots, 10), names: listOption(options.platform) ?? ['qemu', 'user-mode-linux'] },
      print,
    ),
}
