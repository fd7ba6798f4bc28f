import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../errors.ts'
import type { GuestArgv, HostArgv } from './driver.ts'

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)
}

function findBelow(pid: number, commandLine: string): number | undefined {
  if (read(`/proc/${pid}/cmdline`) === commandLine) return pid
  for (const child of childrenOf(pid)) {
    const found = findBelow(child, commandLine)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The host pid of the guest's process `argv` below the launcher `pid`, once it runs.
 * @throws MachineError when it does not appear within 20 s.
 */
export async function waitForHostPid(pid: number, argv: GuestArgv): Promise<number> {
  const commandLine = `${argv.join('\0')}\0`
  for (let tries = 0; tries < 2000; tries++) {
    const found = findBelow(pid, commandLine)
    if (found !== undefined) return found
    await sleep(10)
  }
  throw new HostError(`the guest's ${argv[0]} did not start within 20 s`)
}

/** Argv that runs `argv` in the namespaces, the root and the working directory of the process `leader`. */
export const enterNamespaces = (leader: number, argv: GuestArgv): HostArgv => [
  'nsenter',
  `--target=${leader}`,
  '--mount',
  '--uts',
  '--ipc',
  '--pid',
  '--root',
  '--wd',
  '--',
  ...argv,
]
