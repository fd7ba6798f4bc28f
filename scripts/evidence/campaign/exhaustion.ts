import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CampaignProject } from './host.ts'
import { CampaignCounter, type CampaignRow } from './outcome.ts'

/** Whether a command line has ended as a user expects: without a stack trace, and with a message if it failed. */
const isFine = (status: number | null, stderr: string): boolean =>
  status !== null &&
  status <= 5 &&
  !/^\s+at |bug in isobench|node:internal/m.test(stderr) &&
  (status < 5 || stderr !== '')

/** Command lines with an output that is full or closed, or with few open files. Needs no root. */
export function exhaustOutputs(checkout: string, project: string, random: () => number, limits: number): CampaignRow {
  const counter = new CampaignCounter('full or closed output, few open files')
  const run = (command: string) => {
    const script = `ISO() { '${process.execPath}' '${join(checkout, 'bin/isobench.js')}' "$@"; }; ${command}`
    return spawnSync('bash', ['-o', 'pipefail', '-c', script], { cwd: project, encoding: 'utf8' })
  }
  for (const args of ['list', 'list --json', '--help', 'run --dry-run']) {
    const full = run(`ISO ${args} > /dev/full`)
    counter.count(`${args} > /dev/full`, { lost: full.status === 5 && isFine(5, full.stderr) ? 0 : 1 })
    const closed = run(`ISO ${args} | true`)
    counter.count(`${args} | true`, { lost: closed.status === 0 && closed.stderr === '' ? 0 : 1 })
  }
  for (let at = 0; at < limits; at++) {
    // Node itself needs about 20 to start.
    const files = 24 + Math.floor(random() * 40)
    const { status, stderr } = run(`ulimit -n ${files}; ISO list > /dev/null`)
    counter.count(`ulimit -n ${files}: ${status}: ${stderr}`, { lost: isFine(status, stderr) ? 0 : 1 })
  }
  return counter.row
}

/** Real runs with the project or the state folder on a disk that becomes full at a random point. Needs root. */
export async function fillDisks(checkout: string, disks: number, random: () => number): Promise<CampaignRow> {
  const counter = new CampaignCounter('run on a disk that becomes full')
  for (let at = 0; at < disks; at++) {
    using project = new CampaignProject(checkout, 'native')
    const isState = at % 2 === 1
    // Compiled files, then the record; or the journal, then busybox of the probe, which has 2 MiB.
    const kibibytes = 4 * Math.ceil(isState ? 1000 ** random() : 8 + random() * 40)
    const folder = isState ? project.state : join(project.root, 'small')
    mkdirSync(folder, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=755`, 'isobench-campaign', folder])
    try {
      if (!isState) cpSync(project.project, folder, { recursive: true })
      const { status, stderr } = await project.run(['--rounds', '20'], undefined, isState ? undefined : folder)
      const name = `${isState ? 'state' : 'project'} on ${kibibytes} KiB: ${status}: ${stderr.slice(-300)}`
      const isExplained = status !== 5 || /is full|No space left|ENOSPC/.test(stderr)
      const left = project.leftovers().length
      counter.count(name, { lost: isFine(status, stderr) && isExplained ? 0 : 1, left })
    } finally {
      execFileSync('umount', ['--recursive', folder])
    }
  }
  return counter.row
}
