import { randomBytes } from 'node:crypto'
import { renameSync, rmSync } from 'node:fs'
import { exitCodes } from '../core/judge/exit-code.ts'
import { interruptSignal } from '../core/measure/interruption.ts'
import { loadProject, type Project } from '../core/project/config.ts'
import { resolvePlatforms } from '../core/project/platforms.ts'
import { ensureArtifacts, ensureDependencies, requiredArtifacts } from '../core/session/artifacts.ts'
import { removeResource } from '../host/cleanup.ts'
import { startCleanupProcess } from '../host/cleanup-process.ts'
import { ensureImage, findImage, imagePath, removableImage, unusedArtifacts } from '../host/image.ts'
import { CleanupJournal } from '../host/journal.ts'
import { lockHost } from '../host/lock.ts'
import { drivers } from '../platforms/index.ts'
import { temporaryName } from '../util/files.ts'
import { useUsualUmask } from '../util/umask.ts'
import { diskPath } from '../vm/disks.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type Options, pickOptions, sharedOptions } from './options.ts'
import { confirm } from './setup.ts'

/** Named without the pid, because processes in containers have equal pids. */
const startJournal = () => CleanupJournal.start(`image-${randomBytes(3).toString('hex')}`, removeResource)

async function build(project: Project, options: Options, io: CommandIo): Promise<void> {
  const print = (line: string) => void io.err.write(`${line}\n`)
  using interruption = interruptSignal(() => print('Interrupted. Cleaning up.'))
  const { signal } = interruption
  await ensureDependencies({
    install: options.install,
    needsImage: true,
    platforms: [],
    confirm: (question) => confirm(question, io),
    onProgress: print,
    signal,
  })
  using _umask = useUsualUmask()
  using _cleanup = startCleanupProcess('building the image')
  await using journal = startJournal()
  const { rootfs } = await ensureImage(project.image, { journal, onLine: print, signal })
  const platforms = resolvePlatforms(project.platforms, drivers, project.configFile)
  await ensureArtifacts(platforms, rootfs, { journal, onLine: print, signal })
  io.out.write(`${rootfs}\n`)
}

/** Takes the host: a run boots its guests from the files. A run that waits looks for its files afterwards. */
const lockFor = (purpose: string, { waitForLock }: Options, io: CommandIo) =>
  lockHost({
    purpose,
    wait: waitForLock,
    onWait: (holder) => io.err.write(`waiting for process ${holder.pid}, ${holder.purpose}, since ${holder.since}\n`),
  })

async function remove(project: Project, options: Options, io: CommandIo): Promise<void> {
  // Refuses a root filesystem of the user before it waits.
  if (removableImage(project.image) === undefined) return void io.out.write('The image does not exist.\n')
  using _lock = await lockFor('removing the image', options, io)
  const path = removableImage(project.image)
  if (path === undefined) return void io.out.write('The image does not exist.\n')
  // The path of the disk depends on the directory of the image, so read it before the directory is gone.
  const disk = diskPath(path)
  using _cleanup = startCleanupProcess('removing the image')
  await using journal = startJournal()
  const aside = temporaryName(path)
  await journal.create({ kind: 'directory', path: aside }, () => renameSync(path, aside))
  io.out.write(`removed ${path}\n`)
  rmSync(disk, { force: true })
}

const inMiB = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`

/**
 * Removes guest kernels and disks that no platform of this project boots from: those of earlier releases, images and
 * options. Another project that needs one of them builds it again.
 */
async function prune(project: Project, options: Options, io: CommandIo): Promise<void> {
  const platforms = resolvePlatforms(project.platforms, drivers, project.configFile)
  const used = requiredArtifacts(platforms, findImage(project.image)?.rootfs).map(({ path }) => path)
  using _lock = await lockFor('removing unused kernels and disks', options, io)
  using _cleanup = startCleanupProcess('removing unused kernels and disks')
  await using journal = startJournal()
  let freed = 0
  for (const { path, bytes } of unusedArtifacts(used)) {
    const aside = temporaryName(path)
    await journal.create({ kind: 'directory', path: aside }, () => renameSync(path, aside))
    freed += bytes
    io.out.write(`removed ${path}: ${inMiB(bytes)}\n`)
  }
  io.out.write(
    freed === 0 ? 'Nothing to remove: this project uses every kernel and disk.\n' : `freed ${inMiB(freed)}\n`,
  )
}

export const command = defineCommand({
  description:
    'Manages the root filesystem that every guest boots from: build it, print its path, remove it, ' +
    'or remove guest kernels and disks that this project does not use (prune). ' +
    'path exits with code 5 if the image is not built.',
  arguments: [
    {
      name: 'action',
      description: 'build, path, remove or prune',
      required: true,
      choices: ['build', 'path', 'remove', 'prune'],
    },
  ],
  options: {
    install: { ...sharedOptions.install, example: '--install', verbs: ['build'] },
    waitForLock: { ...sharedOptions.waitForLock, example: '--wait-for-lock', verbs: ['remove', 'prune'] },
    ...pickOptions('config'),
  },
  examples: [
    { line: 'image build --install', description: 'build it now instead of at the first run' },
    { line: 'image prune', description: 'free disk space' },
  ],
  run: ([action], options, io) => manageImage(action!, options, io),
})

async function manageImage(action: string, options: Options, io: CommandIo): Promise<number> {
  const project = await loadProject(io.cwd, options.config)
  switch (action) {
    case 'build':
      await build(project, options, io)
      return exitCodes.clean
    case 'path':
      io.out.write(`${imagePath(project.image)}\n`)
      if (findImage(project.image)) return exitCodes.clean
      io.err.write('The image is not built yet. Build it: isobench image build\n')
      return exitCodes.invalid
    case 'remove':
      await remove(project, options, io)
      return exitCodes.clean
    default:
      await prune(project, options, io)
      return exitCodes.clean
  }
}
