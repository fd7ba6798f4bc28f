import { renameSync, rmSync } from 'node:fs'
import { ensureParts } from '../core/parts.ts'
import { resolvePlatforms } from '../core/probe.ts'
import { loadProject, type Project } from '../core/project.ts'
import { untilInterrupted } from '../core/run.ts'
import { UsageError } from '../errors.ts'
import { ensureImage, findImage, imagePath, removableImage } from '../guest/image/image.ts'
import { Ledger } from '../guest/ledger.ts'
import { undo } from '../guest/undo.ts'
import { diskPath } from '../guest/vm/root-disk.ts'
import { drivers } from '../platforms/index.ts'
import type { Io, Run } from './command.ts'
import { equip } from './equip.ts'
import { checkOptions, type Options } from './options.ts'

async function build(project: Project, options: Options, io: Io): Promise<void> {
  const tell = (what: string) => void io.err.write(`${what}\n`)
  using interruption = untilInterrupted(() => tell('interrupted: cleaning up'))
  const { signal } = interruption
  await equip({ install: options.install, needsImage: true, platforms: [], tell, signal }, io)
  await using ledger = Ledger.start(`image-${process.pid}`, undo)
  const { rootfs } = await ensureImage(project.image, { ledger, onLine: tell, signal })
  const platforms = resolvePlatforms(project.platforms, drivers, project.configFile)
  await ensureParts(platforms, rootfs, { ledger, onLine: tell, signal })
  io.out.write(`${rootfs}\n`)
}

async function remove(project: Project, io: Io): Promise<void> {
  const path = removableImage(project.image)
  if (path === undefined) return void io.out.write('there is no such image\n')
  // Known by the image's folder, so before that goes.
  const disk = diskPath(path)
  await using ledger = Ledger.start(`image-${process.pid}`, undo)
  const aside = `${path}.${process.pid}.removed`
  await ledger.make({ kind: 'directory', path: aside }, () => renameSync(path, aside))
  io.out.write(`removed ${path}\n`)
  rmSync(disk, { force: true })
}

export const run: Run = async ([action], given, io) => {
  const options = checkOptions(given)
  const project = await loadProject(io.cwd, options.config)
  switch (action) {
    case 'build':
      await build(project, options, io)
      return 0
    case 'path':
      io.out.write(`${imagePath(project.image)}\n`)
      if (findImage(project.image)) return 0
      io.err.write('it is not built yet: isobench image build\n')
      return 1
    case 'remove':
      await remove(project, io)
      return 0
    default:
      throw new UsageError(`isobench image has no "${action}"`, 'use build, path or remove')
  }
}
