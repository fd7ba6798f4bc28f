import { describe, expect, it } from 'vitest'
import { type ObservedProcess, ProcessTable } from '../../../src/tracing/process-table.ts'

const observed = (pid: number, parent: number, file: string, argv: string[], more = {}): ObservedProcess => ({
  ...{ pid, tasks: [pid], parent, file, argv, insideRoot: false, ofDaemon: false, atBarrier: false, readBy: 0 },
  ...more,
})

/** The calls of each role. */
function take(table: ProcessTable): Record<string, number> {
  const calls: Record<string, number> = {}
  for (const { role, counts } of table.take())
    for (const count of counts[0]?.values() ?? []) calls[role] = (calls[role] ?? 0) + count
  return calls
}

describe('the processes of a traced platform', () => {
  it('begin as the shell of isobench, and become what they execute', () => {
    const table = new ProcessTable()
    table.count(10, 0, 1n)
    table.exec(10, 10, '/usr/bin/cgexec', 1)
    table.count(10, 0, 1n)
    table.exec(10, 10, '/usr/sbin/runc', 1)
    table.count(10, 0, 1n)
    table.fork(10, 11)
    table.fork(10, 12)
    table.count(12, 0, 1n)
    table.exec(11, 11, '/proc/self/fd/6', 1)
    table.count(11, 0, 1n)
    table.exec(11, 11, '/bin/sleep', 1)
    table.count(11, 0, 1n)
    table.count(10, 0, 1n)
    expect(take(table)).toEqual({ scaffold: 2, client: 4, guest: 1 })
    table.count(11, 0, 1n)
    expect(take(table)).toEqual({ guest: 1 })
  })

  it('are the sentry and the gofer by their arguments, and stub processes belong to the sentry', () => {
    const table = new ProcessTable()
    table.exec(20, 20, '/usr/bin/runsc', 1)
    table.fork(20, 21)
    table.exec(21, 21, '/proc/self/exe', 1)
    table.count(21, 0, 1n)
    table.fork(21, 22)
    table.count(22, 0, 1n)
    table.observe(observed(21, 20, '/usr/bin/runsc', ['runsc-sandbox', 'boot'], { insideRoot: true }))
    table.observe(observed(22, 21, '/usr/bin/runsc', [], { insideRoot: true }))
    table.count(22, 0, 1n)
    expect(take(table)).toEqual({ sentry: 3 })
  })

  it('are those of the barrier until they execute the command', () => {
    const table = new ProcessTable()
    table.observe(observed(30, 1, '/usr/bin/dash', ['/bin/sh', '-c'], { insideRoot: true, atBarrier: true }))
    table.count(30, 0, 1n)
    table.fork(30, 31)
    table.count(31, 0, 1n)
    table.exec(31, 31, '/usr/bin/./head', 1)
    table.count(31, 0, 1n)
    table.fork(30, 32)
    table.exec(32, 32, '/bin/sh', 1)
    table.count(32, 0, 1n)
    expect(take(table)).toEqual({ scaffold: 3, guest: 1 })
  })

  it('are a guest’s inside of its root, a daemon’s in its cgroup, and vhost’s without a program', () => {
    const table = new ProcessTable()
    table.observe(observed(40, 1, '/usr/bin/iperf3', ['iperf3'], { insideRoot: true, tasks: [40, 41] }))
    table.observe(observed(42, 1, '/usr/bin/python3', ['python3'], { ofDaemon: true }))
    const { file: _, ...kernelThread } = observed(43, 2, '', [])
    table.observe(kernelThread)
    table.observe(observed(44, 1, '/usr/bin/perl', ['perl', 'supervisor.pl']))
    for (const task of [41, 42, 43, 44]) table.count(task, 0, 1n)
    expect(take(table)).toEqual({ guest: 1, daemon: 1, vmm: 1, scaffold: 1 })
  })

  it('have no role of what they executed while isobench read it', () => {
    const table = new ProcessTable()
    table.exec(60, 60, '/usr/sbin/runc', 1)
    table.fork(60, 61)
    table.exec(61, 61, '/proc/self/exe', 2)
    table.count(61, 0, 1n)
    // isobench began to read before the container's program, and read it after that.
    table.observe(observed(61, 60, '/usr/bin/sleep', ['sleep', '1'], { insideRoot: true, readBy: 5 }))
    table.count(61, 0, 1n)
    table.exec(61, 61, '/bin/sleep', 4)
    table.count(61, 0, 1n)
    table.observe(observed(61, 60, '/usr/bin/sleep', ['sleep', '1'], { insideRoot: true, readBy: 7 }))
    expect(take(table)).toEqual({ client: 2, guest: 1 })
  })

  it('keep their role if a child executes a file while isobench reads them', () => {
    const table = new ProcessTable()
    table.observe(observed(70, 1, '/usr/bin/containerd', ['containerd'], { ofDaemon: true, readBy: 5 }))
    table.fork(70, 71)
    table.exec(71, 71, '/usr/bin/containerd-shim', 4)
    table.count(70, 0, 1n)
    expect(take(table)).toEqual({ daemon: 1 })
  })

  it('may be replaced by others with the same id', () => {
    const table = new ProcessTable()
    table.exec(50, 50, '/usr/bin/docker', 1)
    table.exec(51, 51, '/usr/sbin/chroot', 1)
    table.exec(51, 51, '/bin/true', 1)
    table.fork(51, 50)
    table.count(50, 0, 1n)
    expect(take(table)).toEqual({ guest: 1 })
    table.reset([{ name: /^mine$/, role: 'vmm' }])
    table.exec(50, 50, '/opt/mine', 1)
    table.count(50, 0, 1n)
    expect(take(table)).toEqual({ vmm: 1 })
  })
})
