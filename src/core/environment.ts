import { existsSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import * as z from 'zod'
import { version } from '../entries.ts'
import { cgroupVersion } from '../guest/cgroup.ts'
import { runHostCommand } from '../guest/host.ts'
import type { Project } from './project.ts'

export const environmentSchema = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  isobench: z.string(),
  node: z.string(),
  cpu: z.object({
    model: z.string(),
    count: z.number(),
    /** null: the host does not tell. */
    governor: z.string().nullable(),
    smt: z.string().nullable(),
  }),
  memoryBytes: z.number(),
  kernel: z.string(),
  commandLine: z.string(),
  /** What the host itself runs in, by the CPU's hypervisor flag and the firmware's vendor; null on bare metal. */
  virtualization: z.string().nullable(),
  /** Whether this machine has a /dev/kvm, and so may nest guests. */
  kvm: z.boolean(),
  /** Name of a CPU vulnerability and what the kernel says of it. */
  mitigations: z.record(z.string(), z.string()),
  cgroupVersion: z.union([z.literal(1), z.literal(2)]),
  guest: z.object({ cpus: z.array(z.number()), memoryBytes: z.number() }),
  image: z.string(),
  configDigest: z.string(),
  /** git revision of the project, with `+` when there are changes; null outside a repository. */
  revision: z.string().nullable(),
})

/** What a run ran on. Two runs are only compared with each other where this is the same. */
export type Environment = z.infer<typeof environmentSchema>

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

async function revision(root: string): Promise<string | null> {
  try {
    const head = await runHostCommand(['git', '-C', root, 'rev-parse', 'HEAD'])
    const changes = await runHostCommand(['git', '-C', root, 'status', '--porcelain'])
    return head + (changes === '' ? '' : '+')
  } catch {
    return null
  }
}

/** Reads the environment of a run on this machine. */
export async function readEnvironment(
  project: Project,
  guest: Environment['guest'],
  image: string,
): Promise<Environment> {
  const all = cpus()
  return {
    startedAt: new Date().toISOString(),
    isobench: version(),
    node: process.version,
    cpu: {
      model: all[0]?.model.trim() ?? 'unknown',
      count: all.length,
      governor: read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
      smt: read('/sys/devices/system/cpu/smt/control'),
    },
    memoryBytes: totalmem(),
    kernel: release(),
    commandLine: read('/proc/cmdline') ?? '',
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
