import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

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
