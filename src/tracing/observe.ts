/** What `/proc` shows of the processes of a platform. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { liveProcesses } from '../host/cgroup.ts'
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

function readProcess(pid: number, ofDaemon: boolean, hostRoot: string): ObservedProcess | undefined {
  const folder = `/proc/${pid}`
  try {
    const stat = readFileSync(`${folder}/stat`, 'latin1')
    // Field 4 is the parent. Field 2, the name, may contain spaces and parentheses.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0])
    const argv = readFileSync(`${folder}/cmdline`, 'utf8').split('\0').slice(0, -1)
    const tasks = readdirSync(`${folder}/task`).map(Number)
    let file: string | undefined
    try {
      file = readlinkSync(`${folder}/exe`)
    } catch {
      // A kernel thread has none.
    }
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
