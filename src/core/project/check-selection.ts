import { suggestion } from '../../dsl/checked.ts'
import { UsageError } from '../../util/errors.ts'
import { listText } from '../../util/text.ts'
import type { BenchData, Suite } from '../model/suite.ts'

/** What the command line selects benches by. */
export interface BenchSelection {
  /** Paths of bench files, or parts of them. */
  readonly filters?: readonly string[] | undefined
  /** Parts of names. */
  readonly name?: readonly string[] | undefined
  readonly tag?: readonly string[] | undefined
  readonly findings?: readonly string[] | undefined
  readonly lastFailed?: boolean | undefined
}

/**
 * Checks that each `--name` and each `--tag` is one of a bench. Nothing is checked while a selected file has problems,
 * because it may have such a bench.
 * @param selected the benches of the selected files
 * @param whole those of all files
 * @throws {UsageError} for the first one that selects nothing
 */
export function checkSelection(
  { name: names = [], tag: tags = [] }: Pick<BenchSelection, 'name' | 'tag'>,
  selected: Suite,
  whole: Suite,
): void {
  if (selected.problems.length > 0) return
  const check = (what: string, isMatch: (bench: BenchData) => boolean, fix: string) => {
    if (selected.benches.some(isMatch)) return
    const isElsewhere = whole.benches.some(isMatch) || whole.problems.length > 0
    if (isElsewhere) throw new UsageError(`no bench of the selected files has ${what}`, 'select other files')
    throw new UsageError(`no bench has ${what}`, fix)
  }
  const known = [...new Set(whole.benches.flatMap((bench) => bench.tags))]
  for (const tag of tags) check(`the tag "${tag}"`, (bench) => bench.tags.includes(tag), suggestion(tag, known))
  const nameFix = 'write a part of a name; isobench list shows them'
  for (const part of names) check(`"${part}" in its name`, (bench) => bench.name.includes(part), nameFix)
}

/** The error of a selection without any bench. Its fix names the filters that are given. */
export function emptySelection(
  { filters, name, tag, findings, lastFailed }: BenchSelection,
  suite: Pick<Suite, 'findings'>,
): UsageError {
  if (findings && suite.findings.length === 0)
    return new UsageError('the selected files have no finding', 'leave out --findings, or state one: finding(...)')
  const given = [
    ...(filters?.length ? ['the filters'] : []),
    ...(name?.length ? ['--name'] : []),
    ...(tag?.length ? ['--tag'] : []),
    ...(findings ? ['--findings'] : []),
    ...(lastFailed ? ['--last-failed'] : []),
  ]
  const loosen = given.length > 0 ? `loosen ${listText(given)}, or ` : ''
  return new UsageError('no bench is left to run', `${loosen}look at: isobench list`)
}
