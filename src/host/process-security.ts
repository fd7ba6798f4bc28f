/** What confines a process, as its kernel reports it. */

/** Capabilities by number (linux/capability.h). */
const capabilityNames = `
  chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
  net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
  sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
  mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`
  .trim()
  .split(/\s+/)

/** What confines a process. */
export interface ProcessSecurity {
  /** Effective capabilities, such as `net_raw`. */
  readonly capabilities: readonly string[]
  readonly seccomp: 'none' | 'strict' | 'filter'
  /** Number of seccomp filters. Absent: unknown (before Linux 5.9, and in gVisor). */
  readonly seccompFilters?: number
  readonly noNewPrivileges: boolean
}

const seccompModes = ['none', 'strict', 'filter'] as const

/**
 * Returns the capabilities of a mask.
 * @param mask hexadecimal, as in `/proc/PID/status`
 */
export function capabilitiesOf(mask: string): string[] {
  const bits = BigInt(`0x${mask}`)
  const all = Array.from({ length: 64 }, (_, number) => capabilityNames[number] ?? `cap_${number}`)
  return all.filter((_, number) => (bits >> BigInt(number)) & 1n)
}

/**
 * Reads the content of `/proc/PID/status` (proc(5)).
 * @returns undefined if it is something else
 */
export function parseProcessSecurity(status: string): ProcessSecurity | undefined {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*([0-9a-f]+)[ \\t]*$`, 'm').exec(status)?.[1]
  const [effective, mode, filters, noNewPrivileges] = [
    field('CapEff'),
    field('Seccomp'),
    field('Seccomp_filters'),
    field('NoNewPrivs'),
  ]
  if (effective === undefined) return undefined
  return {
    capabilities: capabilitiesOf(effective),
    // gVisor omits what it does not emulate.
    seccomp: seccompModes[Number(mode ?? 0)] ?? 'filter',
    ...(filters !== undefined && { seccompFilters: Number(filters) }),
    noNewPrivileges: noNewPrivileges === '1',
  }
}
