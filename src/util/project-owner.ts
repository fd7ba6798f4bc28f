import {
  closeSync,
  constants,
  fchownSync,
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

/** Gives the files of root in the project's `.isobench` to the owner of the project. */
export function giveToOwner(root: string): void {
  try {
    const owner = statSync(root)
    if (owner.uid !== 0) chownTree(join(root, ownFolder), owner)
  } catch {
    // The project is gone, or the file system has no owners.
  }
}

function chownTree(path: string, owner: Stats): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  // lchown: a link must not change the owner of a file elsewhere.
  if (found.uid === 0) lchownSync(path, owner.uid, owner.gid)
  if (found.isDirectory()) for (const name of readdirSync(path)) chownTree(join(path, name), owner)
}
