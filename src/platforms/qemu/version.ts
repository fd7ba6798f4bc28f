import { spawnSync } from 'node:child_process'

let known: string | undefined

/** Such as `7.2.22`; empty where QEMU does not say. */
export function qemuVersion(): string {
  known ??= /version (\d[\d.]*)/.exec(
    spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[1]
  return known ?? ''
}
