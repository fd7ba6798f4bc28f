import { bench, expect, lower, workload } from 'isobench'
import { command, seeds } from 'isobench/tools'
import { folderAt, places } from './place.ts'

/**
 * Unpacks an archive of 20,000 files with 20 MB in total, and deletes them. Both consist of calls on small files, which
 * a gofer, a shared file system or an overlay makes slower than reads and writes of a large file.
 */
const smallFiles = workload('20,000 small files', {
  metrics: { unpack: lower('ms'), remove: lower('ms') },
  params: { on: places },
  async prepare({ guest, params: { on } }) {
    const folder = folderAt(on, guest, 'files')
    await guest.exec(command('mkdir', folder))
    return { folder }
  },
  async run({ guest, prepared: { folder } }) {
    const unpack = (await guest.exec(seeds.unpack(folder))).milliseconds
    const { length } = (await guest.exec(seeds.countFiles(folder), { untraced: true })).stdout
    if (length !== seeds.fileCount) throw new Error(`tar unpacked ${length} of ${seeds.fileCount} files`)
    const remove = (await guest.exec(seeds.remove(folder))).milliseconds
    return { unpack, remove }
  },
  async cleanup({ guest, prepared: { folder } }) {
    await guest.exec(seeds.remove(folder))
  },
})

bench('small files', smallFiles, {
  tags: ['app', 'io', 'slow'],
  timeout: 300,
  expect: { unpack: expect.warn.withinNative(50) },
})
