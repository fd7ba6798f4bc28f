/** Platforms that share a picture: as many lines as can be told apart. */
import type { Report } from '../../core/report/schema.ts'

type PlatformFamily = Report['platforms'][number]['family']

/** More lines than this in one picture cannot be followed. */
const most = 9

const words: readonly (readonly [title: string, of: readonly PlatformFamily[]])[] = [
  ['containers', ['container']],
  ['secure containers', ['secure-container']],
  ['hypervisors', ['hypervisor']],
  ['unikernels', ['unikernel']],
]

export interface Group<T> {
  /** Empty where there is one picture for all. */
  readonly title: string
  readonly lines: readonly T[]
}

/**
 * All lines together where they are few; otherwise by family, native in each, containers and secure ones together while they
 * are few enough.
 * @param always by family even where they are few, as the paper's Figures 13 (containers), 14 (hypervisors) and 15 (unikernels)
 */
export function groupByFamily<T extends { readonly platform: string }>(
  lines: readonly T[],
  { platforms }: Pick<Report, 'platforms'>,
  always = false,
): Group<T>[] {
  const familyOf = new Map(platforms.map(({ name, family }) => [name, family]))
  const having = words.flatMap(([title, families]) => {
    const own = lines.filter(({ platform }) => families.includes(familyOf.get(platform)!))
    return own.length > 0 ? [{ title, own }] : []
  })
  if (lines.length <= most && !always) return [{ title: '', lines }]
  const native = lines.filter(({ platform }) => platform === 'native')
  const groups: { title: string; own: T[] }[] = []
  for (const { title, own } of having) {
    const last = groups.at(-1)
    const containers = last?.title === 'containers' && title === 'secure containers'
    if (last && containers && last.own.length + own.length < most) {
      last.own.push(...own)
    } else groups.push({ title, own })
  }
  if (groups.length < 2) return [{ title: '', lines }]
  return groups.map(({ title, own }) => ({ title, lines: [...native, ...own] }))
}
