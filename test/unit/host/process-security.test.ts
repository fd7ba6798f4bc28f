import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseProcessSecurity } from '../../../src/host/process-security.ts'

// Of a process in a Docker container on Linux 6.18.
const docker = `Name:\tcat
CapInh:\t0000000000000000
CapPrm:\t00000000a80425fb
CapEff:\t00000000a80425fb
CapBnd:\t00000000a80425fb
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t2
Seccomp_filters:\t1
`

test('reads the capabilities, the seccomp mode and no_new_privs of a process', () => {
  expect(parseProcessSecurity(docker)).toEqual({
    capabilities: [
      ...['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'net_bind_service'],
      ...['net_raw', 'sys_chroot', 'mknod', 'audit_write', 'setfcap'],
    ],
    seccomp: 'filter',
    seccompFilters: 1,
    noNewPrivileges: false,
  })
})

test('a kernel that does not report seccomp has none', () => {
  expect(parseProcessSecurity('CapEff:\t8000000000000001\nNoNewPrivs: 1\n')).toEqual({
    capabilities: ['chown', 'cap_63'],
    seccomp: 'none',
    noNewPrivileges: true,
  })
})

test('is unknown if the text is something else', () => {
  expect(parseProcessSecurity('')).toBeUndefined()
  expect(parseProcessSecurity('Booted up in 1.23 ms')).toBeUndefined()
})

test('reads this process', () => {
  expect(parseProcessSecurity(readFileSync('/proc/self/status', 'utf8'))).toBeDefined()
})
