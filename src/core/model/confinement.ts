import * as z from 'zod'
import { processRoles } from '../../dsl/process-roles.ts'

/** What confines the host processes of a guest, in a run record. */

const names = z.array(z.string())

export const confinementSchema = z
  .object({
    role: z.enum(processRoles).describe('role of the processes'),
    programs: names.describe('names of their programs'),
    processes: z.number().int().describe('number of processes'),
    threads: z.number().int().describe('number of their threads that are confined in this way'),
    seccomp: z.enum(['none', 'strict', 'filter']).describe('mode of seccomp'),
    filters: z.number().int().nullable().describe('number of seccomp filters; null before Linux 5.9'),
    calls: z
      .object({
        allowed: names.describe('system calls that the filters allow with any arguments'),
        conditional: names.describe('system calls that the filters allow with some arguments'),
        supervised: names.describe('system calls about which another process decides'),
        otherInterfaces: names.describe('further interfaces with at least one allowed call: `i386`, `x32`'),
        known: z.number().int().describe('number of system calls that isobench has tried'),
      })
      .meta({ id: 'AllowedCalls', description: 'What seccomp filters allow.' })
      .nullable()
      .describe('what the filters allow, read from the kernel; null without filters, or if that failed'),
    callsProblem: z.string().optional().describe('why isobench could not read the filters'),
    noNewPrivileges: z.boolean().describe('whether no_new_privs is set'),
    capabilities: names.describe('effective capabilities'),
    boundingCapabilities: names.describe('capabilities that they could gain at most'),
    user: z.number().int().describe("effective user, a number of the host's first user namespace"),
    sharedNamespaces: names.describe('kinds of namespaces that they share with the host'),
    lsmLabel: z.string().nullable().describe('label of a Linux security module; null if there is none'),
    hostFiles: names.describe("open files of the host's file systems, without those of the image and of `/data`"),
    devices: names.describe('open devices, without terminals and those that only give zeros or random numbers'),
    kernelObjects: names.describe('other open kernel objects, without pipes and sockets'),
  })
  .meta({
    id: 'Confinement',
    description: 'What confines host processes of a guest that have the same role and the same limits.',
  })

/** What confines host processes of a guest that have the same role and the same limits. */
export type Confinement = z.infer<typeof confinementSchema>

const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])].sort()

/** Identifies a kind of confinement: everything but the processes, and what they happen to have open. */
const confinementKind = ({
  programs,
  processes,
  threads,
  hostFiles,
  devices,
  kernelObjects,
  ...kind
}: Confinement): string => JSON.stringify(kind)

type Combine = (a: number, b: number) => number

/**
 * Combines entries of several samples. Processes of the same role with the same limits become one entry: with the most
 * processes of a sample, and everything that any of them had open.
 * @param counts how to combine the counts of entries that are not of several samples
 */
export function combineConfinement(
  entries: readonly Confinement[],
  counts: { readonly processes?: Combine; readonly threads?: Combine } = {},
): Confinement[] {
  const { processes = Math.max, threads = Math.max } = counts
  const kinds = new Map<string, Confinement>()
  for (const entry of entries) {
    const key = confinementKind(entry)
    const before = kinds.get(key)
    kinds.set(
      key,
      before
        ? {
            ...before,
            programs: union(before.programs, entry.programs),
            processes: processes(before.processes, entry.processes),
            threads: threads(before.threads, entry.threads),
            hostFiles: union(before.hostFiles, entry.hostFiles),
            devices: union(before.devices, entry.devices),
            kernelObjects: union(before.kernelObjects, entry.kernelObjects),
          }
        : entry,
    )
  }
  return [...kinds.values()]
}
