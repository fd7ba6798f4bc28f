/** Duet mode: native and a platform at the same time, on cores of their own. See docs/statistics.md. */
import type { BenchData } from '../collect/types.ts'

/** What a bench must have as a tag, because nothing else tells what it uses. */
const able = ['cpu', 'memory']
/** Work that two guests contend for, or that takes a client. */
const unable = ['io', 'network', 'startup']

/** Whether a bench uses CPU and memory alone: for boots, disks and networks the pair would contend for what is measured. */
export const supportsDuet = ({ tags, workload }: BenchData): boolean =>
  tags.some((tag) => able.includes(tag)) &&
  !tags.some((tag) => unable.includes(tag)) &&
  workload.kind !== 'boot' &&
  workload.kind !== 'vmm-start' &&
  workload.lifecycle !== 'sample'
