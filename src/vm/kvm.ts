import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import type { Unavailable } from '../driver.ts'
import { cacheFolder } from '../host/lock.ts'
import { which } from '../host/packages.ts'
import { probeKernel, probeProgram, serialMarkers } from '../host/probe-kernel.ts'

/**
 * The rate of this host's time stamp counter in kHz: as the kernel found it out when it booted, else the CPU's nominal rate;
 * undefined where neither is told.
 */
export function hostTscKhz(): number | undefined {
  const log = spawnSync('dmesg', { encoding: 'utf8', maxBuffer: 2 ** 26 }).stdout ?? ''
  const found =
    /tsc: Refined TSC clocksource calibration: ([\d.]+) MHz/.exec(log) ??
    /tsc: Detected ([\d.]+) MHz/.exec(log) ??
    /^cpu MHz\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))
  return found ? Math.round(Number(found[1]) * 1000) : undefined
}

const schema = z.object({
  /** `nested`: usable, on a machine that is itself virtual. `unknown`: there is a /dev/kvm and no QEMU to try it with. */
  state: z.enum(['usable', 'nested', 'unusable', 'absent', 'unknown']),
  /** How much longer a loop in the guest's kernel mode takes than in a process of the host's; null when it never ended. */
  ratio: z.number().nullable(),
  /** In words. */
  about: z.string(),
})

/** What /dev/kvm is worth on this machine. */
export type Kvm = z.infer<typeof schema>

/** Iterations at first: less than a millisecond of hardware, and seconds where every instruction of a kernel is emulated. */
const fewIterations = 1_000_000
/** Milliseconds that a count must take to be told from a process that was not at once awake to hear of it: else it counts more. */
const shortest = 20
const more = 20
/** The host's own, so many that starting the process does not show. */
const hostIterations = 200_000_000
const limitSeconds = 10
/** Hardware and hypervisors nested in hardware run a loop as fast as the host; software is hundreds of times slower. */
const mostRatio = 20

/** Nanoseconds of one iteration in the guest's kernel mode, between the two marks on its serial port; null without the second. */
async function guestNanoseconds(folder: string, iterations = fewIterations): Promise<number | null> {
  const kernel = join(folder, 'guest')
  writeFileSync(kernel, probeKernel(iterations))
  // timeout, because QEMU pauses rather than ends when KVM cannot go on, and stays when isobench is killed.
  const qemu = spawn(
    'timeout',
    [
      ...['--signal=KILL', String(limitSeconds), 'qemu-system-x86_64', '-accel', 'kvm', '-cpu', 'qemu64', '-m', '16'],
      ...['-machine', 'microvm', '-bios', 'qboot.rom', '-no-user-config', '-nodefaults', '-no-reboot'],
      ...['-display', 'none', '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let [begun, done] = [0n, 0n]
  qemu.stdout.on('data', (bytes: Buffer) => {
    const now = process.hrtime.bigint()
    const text = bytes.toString('latin1')
    if (text.includes(serialMarkers.begun)) begun ||= now
    if (text.includes(serialMarkers.done)) done ||= now
  })
  await new Promise((resolve) => qemu.once('close', resolve).once('error', resolve))
  if (done === 0n) return null
  const took = Number(done - begun)
  // It counts in a register of 32 bits.
  if (took < shortest * 1e6 && iterations * more < 2 ** 32) return guestNanoseconds(folder, iterations * more)
  return took / iterations
}

/** Nanoseconds of one iteration of the same loop in a process of the host's. */
function hostNanoseconds(folder: string): number {
  const file = join(folder, 'program')
  writeFileSync(file, probeProgram(hostIterations), { mode: 0o755 })
  const started = process.hrtime.bigint()
  spawnSync(file)
  return Number(process.hrtime.bigint() - started) / hostIterations
}

const isVirtual = () => /^flags\s*:.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))

/** Whether /dev/kvm can be opened, which is little: see `probeKvm`. */
export function opensKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Tries KVM: that /dev/kvm can be opened says little, for what opens may emulate every instruction of a guest's kernel, and not
 * know them all. A guest of a few hundred bytes counts in kernel mode, and a process of the host's counts the same.
 */
export async function probeKvm(): Promise<Kvm> {
  const without = (state: Kvm['state'], about: string): Kvm => ({ state, ratio: null, about })
  if (!existsSync('/dev/kvm')) return without('absent', 'no /dev/kvm: the CPU cannot virtualise, or may not')
  if (!opensKvm()) return without('unusable', '/dev/kvm is not to be opened')
  if (!which('qemu-system-x86_64'))
    return without('unknown', '/dev/kvm is there; QEMU, to try it with, is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'isobench-kvm-'))
  try {
    const inGuest = await guestNanoseconds(folder)
    if (inGuest === null) {
      return without('unusable', `a guest of 243 bytes did not end on it within ${limitSeconds} s`)
    }
    const ratio = Math.round((inGuest / hostNanoseconds(folder)) * 10) / 10
    if (ratio > mostRatio) {
      const about = `kernel-mode code runs ${Math.round(ratio)} times slower than the host's: it is emulated`
      return { state: 'unusable', ratio, about }
    }
    const speed = `kernel-mode code takes ${ratio} times the host's time`
    return isVirtual()
      ? { state: 'nested', ratio, about: `nested in another hypervisor; ${speed}` }
      : { state: 'usable', ratio, about: speed }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const knownFile = () => join(cacheFolder(), 'kvm.json')
const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Tries KVM and keeps what was found until the machine boots again. */
export async function refreshKvmProbe(): Promise<Kvm> {
  const kvm = await probeKvm()
  mkdirSync(dirname(knownFile()), { recursive: true })
  if (kvm.state !== 'unknown') writeFileSync(knownFile(), JSON.stringify({ bootId: bootId(), kvm }))
  return kvm
}

let asked: Promise<Kvm> | undefined

/** What KVM is worth here, tried once a boot of this machine. */
export function kvm(): Promise<Kvm> {
  asked ??= known() ?? refreshKvmProbe()
  return asked
}

function known(): Promise<Kvm> | undefined {
  try {
    const kept = z.object({ bootId: z.string(), kvm: schema }).parse(JSON.parse(readFileSync(knownFile(), 'utf8')))
    return kept.bootId === bootId() ? Promise.resolve(kept.kvm) : undefined
  } catch {
    return undefined
  }
}

/** Whether guests can run on it. */
export const isUsable = ({ state }: Kvm): boolean => state === 'usable' || state === 'nested'

/**
 * Why a monitor that can do nothing without KVM is of no use here, or undefined. Where nobody could try KVM, a boot tells. What the
 * guest of a floor does in kernel mode is so little that it runs wherever KVM opens.
 */
export async function kvmPreflight(): Promise<Unavailable | undefined> {
  const found = await kvm()
  if (isUsable(found) || found.state === 'unknown') return undefined
  const fix = 'a host with hardware virtualisation, or a virtual machine that passes it on'
  return {
    reason: `KVM is ${found.state} here: ${found.about}`,
    fix,
    ...(opensKvm() && { supportedWorkloads: ['vmm-start'] }),
  }
}

/** Whether guests of monitors that need KVM run on a hypervisor inside another. */
export async function kvmCpuMode(): Promise<'nested' | undefined> {
  const { state } = await kvm()
  return state === 'nested' || (state !== 'usable' && isVirtual()) ? 'nested' : undefined
}
