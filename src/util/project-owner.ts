import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'

/** Where isobench has its files in a project. */
const ownFolder = '.isobench'

/** Projects of this process with files to give back. */
const projects = new Set<string>()

/**
 * Gives the files that root creates in `.isobench` to the owner of the project when this process ends. isobench needs
 * root, and afterwards the owner of the project must be able to use it without root.
 */
export function keepProjectOwner(root: string): void {
  if (process.getuid?.() !== 0) return
  // At the end, because files are created until then, and even if code of the project ends the process.
  if (projects.size === 0) process.once('exit', () => [...projects].forEach(giveToOwner))
  projects.add(root)
}

/**
 * Gives a folder that root has just created in `.isobench` to the owner of the folder above it. A run that is killed
 * gives nothing back at its end, and the owner of the project could write nothing there.
 */
export function giveFolderToOwner(folder: string): void {
  if (process.getuid?.() !== 0 || !folder.split(sep).includes(ownFolder)) return
  try {
    const { uid, gid } = statSync(dirname(folder))
    if (uid === 0) return
    // The owner of the project may replace the folder by a link in the meantime.
    const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      fchownSync(descriptor, uid, gid)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // The folder is gone, or the file system has no owners.
  }
}

/** The projects of this process that do not belong to root. */
export const projectsOfOthers = (): string[] =>
  [...projects].filter((root) => (statSync(root, { throwIfNoEntry: false })?.uid ?? 0) !== 0)

/**
 * Gives the files of root in the project's `.isobench` to the owner of the project.
 * @returns whether one of them belonged to root
 */
export function giveToOwner(root: string): boolean {
  try {
    const owner = statSync(root)
    return owner.uid !== 0 && chownFolder(join(root, ownFolder), owner)
  } catch {
    // The project is gone, or the file system has no owners.
    return false
  }
}

/** Works from open folders, because the owner of the project may replace one by a link in the meantime. */
function chownFolder(folder: string, owner: Stats): boolean {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const here = `/proc/self/fd/${descriptor}`
    let isChanged = fstatSync(descriptor).uid === 0
    if (isChanged) fchownSync(descriptor, owner.uid, owner.gid)
    for (const path of readdirSync(here).map((name) => join(here, name))) {
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found?.isDirectory()) {
        if (chownFolder(path, owner)) isChanged = true
      } else if (found?.uid === 0) {
        // lchown: a link must not change the owner of a file elsewhere.
        lchownSync(path, owner.uid, owner.gid)
        isChanged = true
      }
    }
    return isChanged
  } finally {
    closeSync(descriptor)
  }
}
