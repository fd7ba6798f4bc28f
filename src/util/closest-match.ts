/**
 * The edits between two words: letters inserted, removed or replaced, and neighbours swapped (optimal string alignment
 * distance).
 */
function distance(a: string, b: string): number {
  let older: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, replaced, isSwapped ? older[j - 2]! + 1 : Infinity)
    }
    older = row
    row = next
  }
  return row[b.length]!
}

/** Returns the known word that a misspelled one most likely means, or `undefined` if none is close. */
export function closestMatch(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .sort((a, b) => a.edits - b.edits)
  return best && best.edits <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined
}
