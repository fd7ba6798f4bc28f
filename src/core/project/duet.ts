import { assignDuetCpus } from '../../host/cpus.ts'
import { UsageError } from '../../util/errors.ts'
import type { BenchData } from '../model/suite.ts'
import { isStartup } from '../records/step-durations.ts'

/** Tags of benches that can run as a duet. Only its tags say which resources a bench uses. */
const duetTags = ['cpu', 'memory']
/** Tags of benches that need a client, or a resource that two guests would compete for. */
const soloTags = ['io', 'network', 'startup']

/** Whether a bench uses CPU and memory only. Two guests would compete for disks, networks and boots. */
export const supportsDuet = ({ tags, workload }: BenchData): boolean =>
  tags.some((tag) => duetTags.includes(tag)) &&
  !tags.some((tag) => soloTags.includes(tag)) &&
  !isStartup({ workload }) &&
  workload.lifecycle !== 'sample'

/**
 * The ids of the benches that native and a platform run at the same time.
 * @param isAsked whether the command line says so
 * @param cpus number of CPUs of a guest
 * @throws {HostError} if the host has too few cores
 * @throws {UsageError} if --duet is given and no bench can run as a duet
 */
export function duetBenches(
  benches: readonly BenchData[],
  isOn: boolean,
  { isAsked, cpus }: { readonly isAsked: boolean; readonly cpus: number },
): string[] {
  const suitable = isOn ? benches.filter(supportsDuet) : []
  if (isAsked && suitable.length === 0)
    throw new UsageError(
      '--duet is for benches of CPU and memory, and none of those to run is one',
      "give a bench tags: ['cpu'] or ['memory'], or leave --duet out",
    )
  if (suitable.length > 0) assignDuetCpus(cpus)
  return suitable.map(({ id }) => id)
}
