import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, sep } from 'node:path'
import { globSync } from 'tinyglobby'

/** Existing files that an output must not overwrite, because they are not results. */

export const configName = /^isobench\.config\.[cm]?[jt]s$/
export const ownNames = new RegExp(`${configName.source}|\\.bench\\.[cm]?[jt]sx?$`)

const sourceEndings =
  'asm awk bash c cc clj cmake cpp cs css cxx dart erl ex exs fish go gradle graphql groovy h hh hpp hs java jl ' +
  'kt kts lua ml nix php pl pm proto ps1 py pyi r rb rs s sass scala scss sh sql svelte swift tf vue zig zsh'

/** Files that are not results, in any folder, by their names. */
const keptNames: readonly (readonly [name: RegExp, what: string])[] = [
  [ownNames, 'a config or a bench file'],
  [new RegExp(`\\.([cm]?[jt]sx?|${sourceEndings.replaceAll(' ', '|')})$`, 'i'), 'source code'],
  [
    /^(makefile|gnumakefile|dockerfile|containerfile|vagrantfile|jenkinsfile|justfile|rakefile)(\..+)?$/i,
    'source code',
  ],
  [
    /^(package(-lock)?|npm-shrinkwrap|[jt]sconfig(\..+)?|deno|biome|composer)\.jsonc?$/,
    'a file that describes the project',
  ],
  [/^(pnpm-lock\.yaml|yarn\.lock|bun\.lockb?)$/, 'a file that describes the project'],
  [/^\.(git(ignore|attributes|modules)|npmrc|editorconfig)$/, 'a file that describes the project'],
  [/\.(toml|ya?ml|ini|cfg|conf|lock|lockb|mod|sum|service)$/i, 'a file that describes the project or a program'],
  [
    /^(license|licence|readme|changelog|contributing|codeowners|cmakelists)(\..+)?$/i,
    'a file that describes the project',
  ],
  // Not a hidden report, which has an ending.
  [/^\.[^.]+$/, 'the settings of a program'],
]

/** Folders of the system, without those where people keep projects. */
const systemFolder = /^\/(etc|boot|bin|sbin|lib[^/]*|usr(?!\/(local\/)?src\/))\//

/** The first bytes of programs, an interpreter's line and that of ELF, and of run records. */
const starts: readonly (readonly [bytes: string, what: string])[] = [
  ['#!', 'a program'],
  ['\x7fELF', 'a program'],
  ['{"type":"start","recordVersion":', 'a run record'],
]

function keptByStart(file: string): string | undefined {
  const start = Buffer.alloc(Math.max(...starts.map(([bytes]) => bytes.length)))
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch {
    // A file that this user may only write.
    return undefined
  }
  try {
    const text = start.toString('latin1', 0, readSync(descriptor, start))
    return starts.find(([bytes]) => text.startsWith(bytes))?.[1]
  } finally {
    closeSync(descriptor)
  }
}

const keptByName = (name: string): string | undefined => keptNames.find(([pattern]) => pattern.test(name))?.[1]

/**
 * What an existing regular file is, if it is not a result: by its folder, its name and its first bytes.
 * @param path without links
 */
export function keptFile(path: string): string | undefined {
  if (dirname(path).split(sep).includes('.git')) return 'a file of git'
  if (systemFolder.test(path)) return 'a file of the system'
  return keptByName(basename(path)) ?? keptByStart(path)
}

/** What an existing file is by another of its names in a folder: a hard link, whatever its name, leads to the file. */
export function keptByOtherName({ dev, ino, nlink }: Stats, folder: string): string | undefined {
  if (nlink === 1) return undefined
  const found = globSync('**/*', { cwd: folder, absolute: true, dot: true, followSymbolicLinks: false }).filter(
    (path) => {
      const other = keptByName(basename(path)) && statSync(path, { throwIfNoEntry: false })
      return other && other.dev === dev && other.ino === ino
    },
  )
  return found.map((path) => keptByName(basename(path)))[0]
}
