import { existsSync, readFileSync } from 'node:fs'
import { cpus, hostname, release, totalmem } from 'node:os'
import { cgroupVersion } from '../../host/cgroup.ts'
import { hostDistribution } from '../../host/distribution.ts'
import { git } from '../../host/git-worktree.ts'
import { runHostCommand } from '../../host/process.ts'
import { version } from '../../util/assets.ts'
import type { Environment } from '../model/record.ts'
import type { Project } from '../project/config.ts'
import { publicCommandLine } from './kernel-command-line.ts'

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

function virtualization(): string | null {
  const flagged = /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo') ?? '')
  return flagged ? (read('/sys/class/dmi/id/sys_vendor') ?? read('/sys/hypervisor/type') ?? 'a hypervisor') : null
}

async function mitigations(): Promise<Record<string, string>> {
  const folder = '/sys/devices/system/cpu/vulnerabilities'
  if (!existsSync(folder)) return {}
  const lines = await runHostCommand(['grep', '-r', '.', folder], { exitCodes: [0, 1] })
  return Object.fromEntries(
    lines.split('\n').flatMap((line) => {
      const match = /\/([^/:]+):(.*)$/.exec(line)
      return match ? [[match[1]!, match[2]!]] : []
    }),
  )
}

/** The commit of the project, with `+` if files differ from it. The project of a user who calls sudo is not root's. */
async function revision(root: string): Promise<string | null> {
  try {
    const head = await git(root, ['rev-parse', 'HEAD'])
    // Without locks, so that no file of the repository becomes root's.
    const changes = await git(root, ['status', '--porcelain'], { env: { GIT_OPTIONAL_LOCKS: '0' } })
    return head + (changes === '' ? '' : '+')
  } catch {
    return null
  }
}

/**
 * Reads what a run depends on: the host's hardware, kernel and settings, the guests' limits, and the project's
 * revision.
 */
export async function readEnvironment(
  project: Project,
  guest: Environment['guest'],
  image: string,
): Promise<Environment> {
  const all = cpus()
  return {
    startedAt: new Date().toISOString(),
    hostname: hostname(),
    isobench: version(),
    node: process.version,
    cpu: {
      model: all[0]?.model.trim() ?? 'unknown',
      count: all.length,
      governor: read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
      smt: read('/sys/devices/system/cpu/smt/control'),
    },
    memoryBytes: totalmem(),
    arch: process.arch,
    kernel: release(),
    distribution: hostDistribution().name,
    commandLine: publicCommandLine(read('/proc/cmdline') ?? ''),
    virtualization: virtualization(),
    kvm: existsSync('/dev/kvm'),
    mitigations: await mitigations(),
    cgroupVersion: cgroupVersion(),
    guest,
    image,
    configDigest: project.configDigest,
    revision: await revision(project.root),
  }
}
