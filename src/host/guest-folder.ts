/**
 * Folders of guests. They are closed to the other users of the host, because root in a guest may leave a set-uid
 * program in a folder that the host shares with it (the kind of CVE-2021-41091).
 */

import { accessSync, chmodSync, chownSync, constants, existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HostError } from '../util/errors.ts'
import { isLink, makeFolder, pseudoRefusal, WriteError, writeRefusal } from '../util/files.ts'
import { withUsualUmask } from '../util/umask.ts'
import { guestsFolder } from './paths.ts'

/**
 * The user and the group of processes that need no root on the host: rootless podman and a jailed Firecracker. systemd
 * reserves this range of ids for users without an account.
 */
export const unprivilegedId = 65519

/**
 * Creates a folder of the caches or of the state, and its parents. Other users can enter but not change them, whatever
 * the umask is. They belong to this user, also in a folder of another one.
 */
export const makeSystemFolder = (path: string): void =>
  withUsualUmask(() => makeFolder(path, (folder) => mkdirSync(folder)))

/** Why a folder cannot be written to. */
const folderProblems: Readonly<Record<string, string>> = {
  EACCES: 'this user must not write there',
  EPERM: 'this user must not write there',
  EROFS: 'its file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'a new folder cannot be made there',
  ENOENT: 'a new folder cannot be made there',
}

const isDangling = (path: string): boolean => isLink(path) && !existsSync(path)

/** The error for a folder of isobench that cannot be used. `variable` sets another one. */
const unusable = (folder: string, variable: string, why: string) =>
  new HostError(
    `${folder} cannot be written: ${why}.`,
    `${process.getuid?.() === 0 ? '' : 'run isobench as root, or '}set ${variable} to a folder that can be written`,
  )

/**
 * Refuses a folder of isobench that is a file, or is below one. It need not exist.
 * @throws {HostError} that names the variable for another folder
 */
export function refuseFile(folder: string, variable: string): void {
  try {
    const isFile = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false
    if (isFile) throw unusable(folder, variable, 'it is not a folder')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error
    throw unusable(folder, variable, folderProblems.ENOTDIR!)
  }
}

/**
 * Creates a folder of isobench unless it exists.
 * @throws {HostError} that names the variable for another folder, if this process cannot write there
 */
export function assertWritable(folder: string, variable: string): void {
  const refuse = (why: string) => unusable(folder, variable, why)
  const pseudo = pseudoRefusal(folder)
  if (pseudo) throw refuse(pseudo.why)
  try {
    if (isDangling(folder)) throw refuse('it is a link to something that does not exist')
    if (existsSync(folder) && !statSync(folder).isDirectory()) throw refuse('it is not a folder')
    makeSystemFolder(folder)
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof WriteError) throw refuse(folderProblems.ENOTDIR!)
    const why = folderProblems[(error as NodeJS.ErrnoException).code ?? ''] ?? writeRefusal(folder, error)?.why
    if (why === undefined) throw error
    throw refuse(why)
  }
}

/**
 * Creates a folder that only this user can open. A folder of this user that others can read but not change is closed
 * to them: older hosts have some, and nobody can have put anything into it.
 * @throws {HostError} if another user made it or can change it, or if this user must not create it
 */
export function privateFolder(folder: string): string {
  try {
    makeSystemFolder(dirname(folder))
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM')
      throw new HostError(`isobench cannot create ${folder}, because it does not run as root`, 'run it with sudo')
    if (code !== 'EEXIST') throw error
  }
  const { uid, mode } = lstatSync(folder)
  if (uid === 0 && process.getuid?.() !== 0)
    throw new HostError(`${folder} belongs to root, and isobench does not run as root`, 'run it with sudo')
  const isOwn = uid === process.getuid?.() && (mode & constants.S_IFMT) === constants.S_IFDIR && (mode & 0o022) === 0
  if (!isOwn)
    throw new HostError(
      `${folder} is not a folder that only the user of this process can change`,
      `if no isobench is running: mv ${folder} ${folder}.old`,
    )
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700)
  return folder
}

/** Creates a folder with exactly this mode, whatever the umask is. */
export function makeFolderWithMode(path: string, mode: number): void {
  makeSystemFolder(dirname(path))
  mkdirSync(path, { recursive: true, mode })
  chmodSync(path, mode)
}

/** Creates a private folder below the guests' folder, and returns its path. Only root can enter it. */
export function makeGuestFolder(name: string): string {
  makeFolderWithMode(guestsFolder(), 0o710)
  chownSync(guestsFolder(), 0, unprivilegedId)
  const path = join(guestsFolder(), name)
  makeFolderWithMode(path, 0o700)
  return path
}

/** Creates the folder that a guest has as `/data`. Its users may enter it, and the folder above is closed. */
export function makeDataFolder(stateDir: string): string {
  const path = join(stateDir, 'data')
  makeFolderWithMode(path, 0o755)
  return path
}

/** Lets the unprivileged user pass through a guest's folder. Other users except root cannot. */
export function openToUnprivileged(stateDir: string): void {
  chownSync(stateDir, 0, unprivilegedId)
  chmodSync(stateDir, 0o710)
}
