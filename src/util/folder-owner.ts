import { closeSync, constants, fchownSync, fstatSync, mkdirSync, openSync, readdirSync, type Stats } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * New files and folders of the user. What root creates in a folder of another user belongs to that user. isobench needs
 * root, and afterwards the owner of a project must be able to use it, and to replace reports, without root.
 *
 * The owner of a folder may replace a part of the path at any time, so everything is reached from the open folder. Only
 * what this process created gets another owner.
 */

/** Folders that all users share, such as /tmp: sticky, and writable for all. */
const sharedMode = 0o1002

/** The open path of a descriptor. */
const pathOf = (descriptor: number): string => `/proc/self/fd/${descriptor}`

/**
 * Runs `create` with the path of the new file or folder.
 * @param give gets the owner of the folder, if another user owns it
 */
function createIn<T>(
  path: string,
  create: (path: string) => T,
  give: (path: string, made: T, owner: Stats) => void,
): T {
  if (process.getuid?.() !== 0) return create(path)
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const owner = fstatSync(folder)
    if (owner.uid === 0 || (owner.mode & sharedMode) === sharedMode) return create(path)
    const place = `${pathOf(folder)}/${basename(path)}`
    const made = createNamed(place, path, create)
    try {
      give(place, made, owner)
    } catch {
      // A file system without owners, or one that does not obey root.
    }
    return made
  } finally {
    closeSync(folder)
  }
}

/** Creates at `place`. Errors name the path that the caller knows. */
function createNamed<T>(place: string, path: string, create: (path: string) => T): T {
  try {
    return create(place)
  } catch (error) {
    const failure = error as NodeJS.ErrnoException
    throw Object.assign(failure, { message: failure.message.replace(place, path), path })
  }
}

/**
 * Creates a file and opens it for writing. A link in its place counts as a file.
 * @throws {Error} EEXIST if it exists, and other errors of the kernel
 */
export const createFile = (path: string): number =>
  createIn(
    path,
    (place) => openSync(place, 'wx'),
    (_place, descriptor, { uid, gid }) => fchownSync(descriptor, uid, gid),
  )

/**
 * Creates a folder. Its parent must exist.
 * @throws {Error} EEXIST if it exists, and other errors of the kernel
 */
export const createFolder = (path: string): void =>
  createIn(
    path,
    (place) => mkdirSync(place),
    (place, _made, owner) => giveFolder(place, owner),
  )

/** Gives a new folder to a user, who may have put another one in its place. The new one is empty. */
function giveFolder(path: string, { uid, gid }: Stats): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const isNew = fstatSync(descriptor).uid === 0 && readdirSync(pathOf(descriptor)).length === 0
    if (isNew) fchownSync(descriptor, uid, gid)
  } finally {
    closeSync(descriptor)
  }
}
