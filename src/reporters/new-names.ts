import type { Comparison } from '../core/records/compare.ts'
import type { AddedName, ProfileChange } from '../core/records/profile-changes.ts'
import { groupBy } from '../util/group-by.ts'
import { plural } from '../util/text.ts'
import { caseName } from './summary.ts'

/** Names in attack profiles that the baseline did not have, in words. Sanitize or escape the result. */

/** The same names on several platforms. */
export interface AddedNames extends Omit<ProfileChange, 'platform'> {
  readonly platforms: readonly string[]
}

/** The names with this change. Platforms on which the same rounds call the same names share an entry. */
export function addedNames({ profiles }: Pick<Comparison, 'profiles'>, change: AddedName['change']): AddedNames[] {
  const changed = profiles
    .map((profile) => ({ ...profile, added: profile.added.filter((one) => one.change === change) }))
    .filter(({ added }) => added.length > 0)
  const alike = groupBy(changed, ({ case: id, role, rounds, added, differentWork }) =>
    JSON.stringify([id, role, rounds, differentWork, added.map((one) => [one.name, one.rounds])]),
  )
  return [...alike.values()].map((own) => {
    const { platform: _, ...profile } = own[0]!
    return { ...profile, platforms: own.map(({ platform }) => platform) }
  })
}

/** How many different names there are. */
export const countNames = (all: readonly AddedNames[]): number =>
  new Set(all.flatMap(({ added, source }) => added.map(({ name }) => `${source} ${name}`))).size

/** The most names of a text. Functions of the kernel can be hundreds. */
const mostNames = 20

/** `attack profile: cpu · runc, crun`. */
export const addedTitle = ({ bench, params, platforms }: AddedNames): string =>
  `${caseName(bench, params)} · ${platforms.join(', ')}`

/** `new system calls of the guest: bpf, ptrace (5 of 5 rounds); in none of 5 rounds before`. */
export function addedText({ added, role, source, rounds: [before, now], differentWork }: AddedNames): string {
  const shown = groupBy(added.slice(0, mostNames), ({ rounds }) => rounds)
  const names = [...shown].map(
    ([rounds, own]) => `${own.map(({ name }) => name).join(', ')} (${rounds} of ${plural(now, 'round')})`,
  )
  const rest = added.length - mostNames
  const what = source === 'syscalls' ? 'system call' : 'kernel function'
  const isNew = added.every(({ change }) => change === 'new')
  const subject = `${isNew ? 'new ' : ''}${what}${added.length === 1 ? '' : 's'} of the ${role}`
  return [
    `${subject}: ${[...names, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')}`,
    `in none of ${plural(before, 'round')} before`,
    ...(differentWork ? ['the work differs too'] : []),
  ].join('; ')
}
