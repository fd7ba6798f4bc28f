import { describe, expect, it } from 'vitest'
import {
  launched,
  processRoles,
  programName,
  roleAfterExec,
  roleOfRunning,
  rolePart,
} from '../../../src/dsl/process-roles.ts'

/** The roles of a process that executes these files one after the other, beginning as isobench's shell. */
function rolesOf(...files: string[]): string[] {
  let state = launched
  return files.map((file) => {
    state = roleAfterExec({ file }, state)
    return state.role
  })
}

describe('the role of a process', () => {
  it('is that of the programs in isobench’s own chain, up to the guest’s', () => {
    expect(rolesOf('/usr/bin/cgexec', '/usr/bin/nsenter', '/usr/sbin/chroot', '/bin/sh', '/usr/bin/sysbench')).toEqual([
      ...['scaffold', 'scaffold', 'scaffold', 'guest', 'guest'],
    ])
    expect(rolesOf('/usr/bin/cgexec', '/usr/sbin/runc', '/proc/self/exe', '/bin/sleep')).toEqual([
      ...['scaffold', 'client', 'client', 'guest'],
    ])
    expect(rolesOf('/bin/sh', '/usr/bin/bwrap', '/bin/sleep')).toEqual(['scaffold', 'shim', 'guest'])
    expect(rolesOf('/usr/bin/perl', '/bin/env', '/root/.cache/vmlinux')).toEqual(['scaffold', 'scaffold', 'guest'])
  })

  it('is inherited by the helpers of a client or daemon, and never leaves a guest', () => {
    expect(
      rolesOf('/usr/bin/podman', '/usr/lib/podman/netavark', '/usr/bin/conmon', '/usr/bin/crun', '/bin/sh'),
    ).toEqual(['client', 'client', 'shim', 'client', 'guest'])
    expect(rolesOf('/usr/bin/dockerd', '/usr/sbin/iptables')).toEqual(['daemon', 'daemon'])
    expect(rolesOf('/usr/sbin/chroot', '/usr/bin/runc', '/usr/bin/dockerd')).toEqual(['scaffold', 'guest', 'guest'])
  })

  it('is that of a row of the driver first', () => {
    const own = [{ name: /^vmlinux/, role: 'vmm' }] as const
    expect(roleAfterExec({ file: '/root/.cache/vmlinux' }, launched, own).role).toBe('vmm')
    expect(roleOfRunning({ file: '/root/.cache/vmlinux' }, 'host', own)?.role).toBe('vmm')
  })

  it('of a process that already runs comes from its arguments too', () => {
    const running = (file: string, ...argv: string[]) => roleOfRunning({ file, argv }, 'guest')?.role
    expect(running('/usr/bin/runsc', 'runsc-sandbox', '--root')).toBe('sentry')
    expect(running('/usr/bin/runsc', 'runsc-gofer', '--root')).toBe('gofer')
    expect(running('/usr/bin/iperf3', 'iperf3', '-s')).toBe('guest')
    expect(running('/', 'runc', 'init')).toBe('client')
    expect(running('/usr/bin/docker', 'docker', 'ps')).toBeUndefined()
    expect(roleOfRunning({ file: '/usr/bin/docker' }, 'host')?.role).toBe('client')
    expect(roleOfRunning({ file: '/usr/bin/perl' }, 'host')).toBeUndefined()
    expect(roleOfRunning({ file: '/usr/bin/anything' }, 'daemon')?.role).toBe('daemon')
  })

  it('is of one part', () => {
    const parts = Object.fromEntries(processRoles.map((role) => [role, rolePart(role)]))
    expect(parts).toEqual({
      guest: 'guest-reachable',
      sentry: 'guest-reachable',
      gofer: 'guest-reachable',
      vmm: 'guest-reachable',
      shim: 'control-plane',
      daemon: 'control-plane',
      client: 'control-plane',
      scaffold: 'scaffold',
    })
  })
})

it('a program in memory has the name of the original', () => {
  expect(programName('/memfd:runc_cloned:/proc/self/exe (deleted)')).toBe('runc')
  expect(programName('/usr/bin/runsc (deleted)')).toBe('runsc')
  expect(programName('sh')).toBe('sh')
})
