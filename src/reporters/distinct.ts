/**
 * Names for a format that cannot have all characters or lengths. Names that become equal get a number, in their order,
 * so that no figure replaces another one.
 */
export function distinctNames(names: readonly string[], shorten: (name: string, suffix: string) => string): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let text = shorten(name, '')
    for (let count = 2; taken.has(text); count++) text = shorten(name, `~${count}`)
    taken.add(text)
    return text
  })
}
