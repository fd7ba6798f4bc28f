/** What confines the processes of containers: the option `security`, capabilities, and the seccomp profile. */

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Unavailable } from '../../driver.ts'
import type { HostSandbox } from '../../host/sandbox.ts'
import { dockerSeccomp, seccompProgram } from '../../host/seccomp-profile.ts'
import { knownArchitectures } from '../../host/syscall-names.ts'

/**
 * The option of platforms that confine processes. `default`: what the users of the platform run. `none`: without
 * seccomp filter and no_new_privs, if the platform allows that. The capabilities stay.
 */
export const securityOption = {
  security: z.enum(['default', 'none']).default('default'),
}

/** The parsed option. */
export interface SecurityOption {
  readonly security: 'default' | 'none'
}

/** Whether the platform must run guests with a seccomp filter: `requiresSeccomp` of drivers. */
export const requiresSeccomp = ({ security }: SecurityOption): boolean => security === 'default'

/** Docker's default capabilities (moby/profiles, `caps/defaults.go`). */
export const defaultCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** Writes the seccomp profile for an engine, and returns its path. */
export function writeSeccompProfile({ stateDir }: Pick<HostSandbox, 'stateDir'>): string {
  const file = join(stateDir, 'seccomp.json')
  writeFileSync(file, JSON.stringify(dockerSeccomp()))
  // Readable for the user of rootless podman, whatever the umask is.
  chmodSync(file, 0o644)
  return file
}

/**
 * Returns why isobench cannot confine commands that enter a guest on this machine: both the filter and the program that
 * enters need the numbers of system calls.
 */
export const confinementProblem = (arch: string = process.arch): Unavailable | undefined =>
  knownArchitectures.includes(arch)
    ? undefined
    : {
        reason: `isobench does not know the numbers of system calls on ${arch}, so it cannot confine commands`,
        fix: 'measure runc or another platform with an exec command, or use a host with x86-64 or arm64',
      }

/** The program, which is the same for all guests. */
let program: Buffer | undefined

/**
 * Writes the seccomp profile as a program of the kernel.
 * @returns its path, or undefined without the default security
 */
export function writeSeccompProgram(
  { stateDir }: Pick<HostSandbox, 'stateDir'>,
  { security }: SecurityOption,
): string | undefined {
  if (security === 'none') return undefined
  program ??= seccompProgram()
  const file = join(stateDir, 'seccomp.bpf')
  writeFileSync(file, program)
  return file
}
