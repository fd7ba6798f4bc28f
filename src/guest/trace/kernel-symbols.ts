/** The host kernel's functions by address, from `/proc/kallsyms`. */
import { readFileSync } from 'node:fs'

/** What tells the name of the function that an address lies in; undefined before the first. */
export type Symbols = (address: bigint) => string | undefined

/** Of several names for one address the first counts, as in the kernel's own traces. Pure. */
export function parseKallsyms(kallsyms: string): Symbols {
  const found: { readonly address: bigint; readonly name: string }[] = []
  for (const line of kallsyms.split('\n')) {
    // In the kernel's text: `ffffffff81000010 t name`, and of a module `\t[module]` behind.
    const match = /^([\da-f]+) [tTwW] (\S+)/.exec(line)
    if (match) found.push({ address: BigInt(`0x${match[1]!}`), name: match[2]! })
  }
  found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
  return (address) => {
    let [low, high] = [0, found.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (found[middle]!.address <= address) low = middle + 1
      else high = middle
    }
    let at = low - 1
    while (at > 0 && found[at - 1]!.address === found[at]!.address) at--
    return found[at]?.name
  }
}

let known: { readonly modules: string; readonly symbols: Symbols } | undefined

/** The symbols of this kernel and of the modules that are loaded now. */
export function kernelSymbols(): Symbols {
  const modules = readFileSync('/proc/modules', 'utf8')
  if (known?.modules !== modules) known = { modules, symbols: parseKallsyms(readFileSync('/proc/kallsyms', 'utf8')) }
  return known.symbols
}
