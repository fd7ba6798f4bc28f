/** Reads ELF files of x86-64 (System V ABI, gABI chapters 4 and 5): what a program needs to be loaded. */

/** What a dynamic linker needs to know about a program or a library. */
export interface Elf {
  /** Whether the file is loaded by a dynamic linker. */
  readonly dynamic: boolean
  /** Names of the libraries that it is linked with: `libm.so.6`. */
  readonly needed: readonly string[]
  /** Symbols that others must define, without weak ones, and where their names are. */
  readonly undefinedSymbols: readonly ElfSymbol[]
  readonly definedSymbols: ReadonlySet<string>
}

/** An entry of `.dynsym`. */
export interface ElfSymbol {
  readonly name: string
  /** Offset of the 32-bit field `st_name` in the file. */
  readonly nameField: number
}

const elfMagic = '7f454c46'

/** Returns whether the bytes are an ELF file. */
export const isElf = (bytes: Buffer): boolean => bytes.subarray(0, 4).toString('hex') === elfMagic

/** Types of section headers, and of entries of the dynamic section. */
const [dynamicSection, symbolSection, neededTag] = [6, 11, 1]
const weak = 2

interface Section {
  readonly type: number
  readonly offset: number
  readonly size: number
  /** The section with the names of this one. */
  readonly link: number
}

const number = (bytes: Buffer, offset: number) => Number(bytes.readBigUInt64LE(offset))

/**
 * Reads an ELF file.
 * @returns undefined if the bytes are no ELF file with 64 bits and little-endian numbers, or if it has no sections
 */
export function readElf(bytes: Buffer): Elf | undefined {
  if (!isElf(bytes) || bytes[4] !== 2 || bytes[5] !== 1) return undefined
  const [table, entrySize, count] = [number(bytes, 0x28), bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)]
  if (table === 0 || table + count * entrySize > bytes.length) return undefined
  const sections = Array.from({ length: count }, (_, index): Section => {
    const at = table + index * entrySize
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: number(bytes, at + 0x18),
      size: number(bytes, at + 0x20),
      link: bytes.readUInt32LE(at + 0x28),
    }
  })
  const nameAt = (section: Section, offset: number) => {
    const start = sections[section.link]!.offset + offset
    return bytes.toString('utf8', start, bytes.indexOf(0, start))
  }
  const dynamic = sections.find(({ type }) => type === dynamicSection)
  const needed: string[] = []
  for (let at = dynamic?.offset ?? 0; dynamic && at < dynamic.offset + dynamic.size; at += 16)
    if (number(bytes, at) === neededTag) needed.push(nameAt(dynamic, number(bytes, at + 8)))
  const symbols = sections.find(({ type }) => type === symbolSection)
  const undefinedSymbols: ElfSymbol[] = []
  const definedSymbols = new Set<string>()
  // The first symbol is empty.
  for (let at = (symbols?.offset ?? 0) + 24; symbols && at < symbols.offset + symbols.size; at += 24) {
    const name = nameAt(symbols, bytes.readUInt32LE(at))
    if (bytes.readUInt16LE(at + 6) !== 0) definedSymbols.add(name)
    else if (bytes[at + 4]! >> 4 !== weak) undefinedSymbols.push({ name, nameField: at })
  }
  return { dynamic: dynamic !== undefined, needed, undefinedSymbols, definedSymbols }
}
