/** What `/proc` shows of the processes of a platform. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { liveProcesses } from '../host/cgroup.ts'
import { statFields } from '../host/process.ts'
import { programPath } from '../util/assets.ts'
import { isBarrierArgv } from './barrier.ts'
import type { ObservedProcess } from './process-table.ts'

/** It waits for the command that it has started in a guest, and is itself in the root of the guest. */
const enteringProgram = programPath('enter-guest.pl')

/** Identifies a directory. */
const directoryOf = (path: string): string => {
  const { dev, ino } = statSync(path)
  return `${dev}:${ino}`
}

/** PF_KTHREAD (linux/sched.h). */
const kernelThreadFlag = 0x200000

/** Parses `/proc/PID/stat` (proc(5)). */
export function parseStat(stat: string): { readonly parent: number; readonly isKernelThread: boolean } {
  // Field 4 is the parent, and field 9 has the flags.
  const fields = statFields(stat)
  return { parent: Number(fields[1]), isKernelThread: (Number(fields[6]) & kernelThreadFlag) !== 0 }
}

function readProcess(pid: number, ofDaemon: boolean, hostRoot: string): ObservedProcess | undefined {
  const folder = `/proc/${pid}`
  try {
    const { parent, isKernelThread } = parseStat(readFileSync(`${folder}/stat`, 'latin1'))
    const argv = readFileSync(`${folder}/cmdline`, 'utf8').split('\0').slice(0, -1)
    const tasks = readdirSync(`${folder}/task`).map(Number)
    // A process that ends has no program any more, and is no kernel thread.
    const file = isKernelThread ? undefined : readlinkSync(`${folder}/exe`)
    const insideRoot = directoryOf(`${folder}/root/`) !== hostRoot
    return {
      pid,
      tasks,
      parent,
      ...(file !== undefined && { file }),
      argv,
      insideRoot,
      ofDaemon,
      atBarrier: isBarrierArgv(argv) || argv[1] === enteringProgram,
      readBy: Number(process.hrtime.bigint()),
    }
  } catch {
    // It has already ended.
    return undefined
  }
}

/**
 * Returns the processes of a cgroup, parents before their children.
 * @param ofDaemon whether the cgroup is that of a daemon
 */
export function observeCgroup(group: string, ofDaemon: boolean): ObservedProcess[] {
  const hostRoot = directoryOf('/')
  const found = liveProcesses(group).flatMap((pid) => readProcess(pid, ofDaemon, hostRoot) ?? [])
  const byPid = new Map(found.map((one) => [one.pid, one]))
  const depth = (pid: number): number => {
    const own = byPid.get(pid)
    return own ? 1 + depth(own.parent) : 0
  }
  return found.sort((a, b) => depth(a.pid) - depth(b.pid) || a.pid - b.pid)
}
