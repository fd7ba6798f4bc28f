import { type Command, command, requireCount } from './command.ts'

/**
 * The inputs of everyday work, and the commands that use them. isobench creates them when it builds the image
 * (host/programs/seeds.mjs), from files of the image's Debian packages. So a guest needs no network.
 */

/** Where the image has the inputs of everyday work. */
export const seedsFolder = '/usr/local/share/isobench'

/** A build of the C project. */
export interface SeedsBuild {
  /** A copy of `seeds.project`. */
  folder: string
  /** Number of commands at a time. */
  jobs: number
}

/** Commands of everyday work with the inputs that the image has. `pip`, `pythonTests` and `sqlite` are others. */
export const seeds = {
  /** Number of files in the archive and in the repository. */
  fileCount: 20_000,

  /** The folder of a C project with a Makefile: ten libraries in one file each. */
  project: `${seedsFolder}/c`,

  /** Unpacks 20,000 small files, 20 MB, below a folder. */
  unpack: (folder: string): Command =>
    command('tar', '-xzf', `${seedsFolder}/files.tar.gz`, '--no-same-owner', '-C', folder),

  /** Prints a dot for every file below a folder. */
  countFiles: (folder: string): Command => command('find', folder, '-type', 'f', '-printf', '.'),

  /** Deletes a folder with its content. */
  remove: (folder: string): Command => command('rm', '-rf', folder),

  /** Clones a repository with 20 commits that end with the 20,000 files. */
  clone: (to: string): Command =>
    // Without the name of a branch, git prints a hint about it.
    command('git', '-c', 'init.defaultBranch=main', 'clone', '-q', `${seedsFolder}/files.bundle`, to),

  /** Prints nothing if the repository is as cloned. The user that owns the files may differ inside a guest. */
  status: (repository: string): Command =>
    command('git', '-c', 'safe.directory=*', '-C', repository, 'status', '--porcelain'),

  /** Compiles and links the C project. The result is the program `project`. */
  compile: ({ folder, jobs }: SeedsBuild): Command =>
    command('make', '-s', '-C', folder, `-j${requireCount('jobs', jobs)}`, 'project'),
}
