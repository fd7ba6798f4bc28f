/** Whether KVM is usable on this host. Opening /dev/kvm proves little, so isobench measures a loop in a tiny guest. */

import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Unavailable } from '../driver.ts'
import { hostEnvironment } from '../host/environment.ts'
import { which } from '../host/packages.ts'
import { cacheFolder } from '../host/paths.ts'
import { probeKernel, probeProgram, serialMarkers } from '../host/probe-kernel.ts'
import { inCgroupOfRun } from '../host/process.ts'
import { inTemporaryFolder } from '../host/temporary-folder.ts'
import { readOwnFile, writeFileAtomic } from '../util/files.ts'

/**
 * Returns the frequency of the host's time stamp counter in kHz: the value that the kernel measured at boot, or else
 * the nominal frequency of the CPU, or `undefined` if both are unknown.
 */
export function hostTscKhz(): number | undefined {
  const log = spawnSync('dmesg', { encoding: 'utf8', maxBuffer: 2 ** 26, env: hostEnvironment() }).stdout ?? ''
  const match =
    /tsc: Refined TSC clocksource calibration: ([\d.]+) MHz/.exec(log) ??
    /tsc: Detected ([\d.]+) MHz/.exec(log) ??
    /^cpu MHz\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))
  return match ? Math.round(Number(match[1]) * 1000) : undefined
}

const kvmSchema = z.object({
  /**
   * `nested`: usable, but this host is itself a VM. `unknown`: /dev/kvm exists, but QEMU is not installed to test it.
   */
  state: z.enum(['usable', 'nested', 'unusable', 'absent', 'unknown']),
  /** Time of a loop in the guest's kernel mode, relative to a host process. `null` if the guest did not end. */
  ratio: z.number().nullable(),
  /** Description for users. */
  about: z.string(),
})

/** The state of /dev/kvm on this host. */
export type Kvm = z.infer<typeof kvmSchema>

/** Takes less than 1 ms on hardware, and seconds if every instruction is emulated. */
const initialIterations = 1_000_000
/**
 * Below this time, the wake-up latency of this process would distort the result. Then the guest repeats the loop with
 * more.
 */
const minMilliseconds = 20
const growth = 20
/** So many that the time to start the process is negligible. */
const hostIterations = 200_000_000
const limitSeconds = 10
/** Hardware, even with nested hypervisors, runs a loop as fast as the host. Emulation is hundreds of times slower. */
const maxRatio = 20

/**
 * Nanoseconds per iteration in the guest's kernel mode, between the two serial markers. `null` if the guest did not
 * end.
 */
async function guestNanoseconds(folder: string, iterations = initialIterations): Promise<number | null> {
  const kernel = join(folder, 'guest')
  writeFileSync(kernel, probeKernel(iterations))
  // `timeout`, because QEMU pauses instead of ending if KVM fails.
  const [file, ...args] = inCgroupOfRun([
    ...(['timeout', '--signal=KILL', String(limitSeconds)] as const),
    ...['qemu-system-x86_64', '-accel', 'kvm', '-cpu', 'qemu64', '-m', '16'],
    ...['-machine', 'microvm', '-bios', 'qboot.rom', '-no-user-config', '-nodefaults', '-no-reboot'],
    ...['-display', 'none', '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
  ])
  const qemu = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], env: hostEnvironment() })
  let [begun, done] = [0n, 0n]
  qemu.stdout.on('data', (bytes: Buffer) => {
    const now = process.hrtime.bigint()
    const text = bytes.toString('latin1')
    if (text.includes(serialMarkers.begun)) begun ||= now
    if (text.includes(serialMarkers.done)) done ||= now
  })
  await new Promise((resolve) => qemu.once('close', resolve).once('error', resolve))
  if (done === 0n) return null
  const nanoseconds = Number(done - begun)
  // The loop counts in a 32-bit register.
  if (nanoseconds < minMilliseconds * 1e6 && iterations * growth < 2 ** 32)
    return guestNanoseconds(folder, iterations * growth)
  return nanoseconds / iterations
}

/** Nanoseconds per iteration of the same loop in a host process. */
function hostNanoseconds(folder: string): number {
  const file = join(folder, 'program')
  writeFileSync(file, probeProgram(hostIterations), { mode: 0o755 })
  const started = process.hrtime.bigint()
  spawnSync(file, { env: hostEnvironment() })
  return Number(process.hrtime.bigint() - started) / hostIterations
}

const isVirtual = () => /^flags\s*:.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))

/** Returns whether /dev/kvm can be opened. That is not sufficient, see `probeKvm`. */
export function opensKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Tests KVM. A /dev/kvm that can be opened may still emulate every instruction of a guest's kernel, and some
 * incorrectly. So a guest of a few hundred bytes counts in kernel mode, and a host process counts the same.
 */
export async function probeKvm(): Promise<Kvm> {
  const createResult = (state: Kvm['state'], about: string): Kvm => ({ state, ratio: null, about })
  if (!existsSync('/dev/kvm')) return createResult('absent', 'there is no /dev/kvm, so the CPU cannot virtualize')
  if (!opensKvm()) return createResult('unusable', '/dev/kvm cannot be opened')
  if (!which('qemu-system-x86_64'))
    return createResult('unknown', '/dev/kvm exists, but QEMU is not installed to test it')
  return await inTemporaryFolder('kvm', async (folder) => {
    const inGuest = await guestNanoseconds(folder)
    if (inGuest === null) {
      return createResult('unusable', `a guest of 243 bytes did not end within ${limitSeconds} s`)
    }
    const ratio = Math.round((inGuest / hostNanoseconds(folder)) * 10) / 10
    if (ratio > maxRatio) {
      const about = `kernel-mode code runs ${Math.round(ratio)} times slower than on the host, so it is emulated`
      return { state: 'unusable', ratio, about }
    }
    const speed = `kernel-mode code takes ${ratio} times as long as on the host`
    return isVirtual()
      ? { state: 'nested', ratio, about: `nested in another hypervisor, ${speed}` }
      : { state: 'usable', ratio, about: speed }
  })
}

const cacheFile = () => join(cacheFolder(), 'kvm.json')
const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Tests KVM and caches the result until the host reboots. */
export async function refreshKvmProbe(): Promise<Kvm> {
  const kvm = await probeKvm()
  if (kvm.state !== 'unknown') writeFileAtomic(cacheFile(), JSON.stringify({ bootId: bootId(), kvm }))
  return kvm
}

let cached: Promise<Kvm> | undefined

/** Returns the state of KVM, tested once per boot of this host. */
export async function kvm(): Promise<Kvm> {
  cached ??= readCache() ?? refreshKvmProbe()
  const result = await cached
  // QEMU may be installed later.
  if (result.state === 'unknown') cached = undefined
  return result
}

function readCache(): Promise<Kvm> | undefined {
  try {
    const cache = z.object({ bootId: z.string(), kvm: kvmSchema }).parse(JSON.parse(readOwnFile(cacheFile())))
    return cache.bootId === bootId() ? Promise.resolve(cache.kvm) : undefined
  } catch {
    return undefined
  }
}

/** Returns whether guests can run. */
export const isUsable = ({ state }: Kvm): boolean => state === 'usable' || state === 'nested'

/**
 * Returns why a VMM that needs KVM cannot run, or `undefined` if it can or if KVM could not be tested. The probe kernel
 * of VMM start-up benches runs wherever KVM can be opened, because it does so little in kernel mode.
 */
export async function kvmPreflight(): Promise<Unavailable | undefined> {
  const result = await kvm()
  if (isUsable(result) || result.state === 'unknown') return undefined
  const fix = 'use a host with hardware virtualization, or a VM with nested virtualization'
  return {
    reason: `KVM is ${result.state} here: ${result.about}`,
    fix,
    ...(opensKvm() && { supportedWorkloads: ['vmm-start'] }),
  }
}

/** Returns whether KVM guests run on hardware, or on a hypervisor that is nested in another one. */
export async function kvmCpuMode(): Promise<'nested' | 'hardware'> {
  const { state } = await kvm()
  return state === 'nested' || (state !== 'usable' && isVirtual()) ? 'nested' : 'hardware'
}
