import { bench, expect, lower, workload } from 'isobench'
import { seeds } from 'isobench/tools'
import { folderAt, places } from './place.ts'

/** How often the status is requested. The first time also updates the index. */
const requests = 5

/**
 * Clones a repository with 20 commits and 20,000 files from a bundle, and requests its status. A clone unpacks objects
 * and writes files. The status reads the attributes of every file.
 */
const repository = workload('a repository of 20,000 files', {
  metrics: { clone: lower('ms'), status: lower('ms') },
  params: { on: places },
  async prepare({ guest, params: { on } }) {
    return { folder: folderAt(on, guest, 'repository') }
  },
  async run({ guest, prepared: { folder } }) {
    const clone = (await guest.exec(seeds.clone(folder))).milliseconds
    const status: number[] = []
    for (let i = 0; i < requests; i++) {
      const { stdout, milliseconds } = await guest.exec(seeds.status(folder))
      if (stdout !== '') throw new Error('the clone differs from the repository')
      status.push(milliseconds)
    }
    // git only warns if it checks out no files, and the status of such a clone is empty. Counting them before would
    // fill the cache of the first status.
    const { length } = (await guest.exec(seeds.countFiles(`${folder}/src`), { untraced: true })).stdout
    if (length !== seeds.fileCount) throw new Error(`git checked out ${length} of ${seeds.fileCount} files`)
    return { clone, status }
  },
  async cleanup({ guest, prepared: { folder } }) {
    await guest.exec(seeds.remove(folder))
  },
})

bench('git', repository, {
  tags: ['app', 'io', 'slow'],
  timeout: 300,
  expect: { clone: expect.warn.withinNative(50), status: expect.warn.withinNative(50) },
})
