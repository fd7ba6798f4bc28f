import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Creates a folder and its parents.
 *
 * It goes step by step. Node's `recursive` never returns if the kernel reports ENOENT although the parent exists, as in
 * /proc.
 * @throws {Error} if a part of the path is a file, or if the kernel refuses
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have created it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Replaces a file as a whole: readers see the old file or the new one. Creates the folder if needed.
 * @throws {Error} if the file cannot be written; then the old file stays
 */
export function writeFileAtomic(file: string, contents: string | Uint8Array): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    makeFolder(dirname(file))
    writeFileSync(temporary, contents)
    renameSync(temporary, file)
  } catch (error) {
    try {
      rmSync(temporary, { force: true })
    } catch {
      // If the folder is a file, there is nothing to remove. The first error is the cause.
    }
    throw error
  }
}
