import { bench, expect, lower, workload } from 'isobench'
import { command, seeds } from 'isobench/tools'
import { folderAt, places } from './place.ts'

/**
 * Compiles and links ten C libraries of one file each with gcc, as many at a time as the guest has CPUs. Most of it is
 * work of the CPU; the rest is about a hundred processes, which read headers and write objects.
 */
const compilation = workload('make of a C project', {
  metrics: { duration: lower('ms') },
  params: { on: places },
  async prepare({ guest, params: { on } }) {
    const folder = folderAt(on, guest, 'c')
    await guest.exec(command('cp', '-r', seeds.project, folder))
    return { folder }
  },
  async run({ guest, cpus, prepared: { folder } }) {
    const { milliseconds } = await guest.exec(seeds.compile({ folder, jobs: cpus }))
    const { stdout } = await guest.exec(command(`${folder}/project`), { untraced: true })
    if (!/^noise -?\d\.\d{3}\n$/.test(stdout)) throw new Error('the compiled program does not run')
    return { duration: milliseconds }
  },
  async cleanup({ guest, prepared: { folder } }) {
    await guest.exec(seeds.remove(folder))
  },
})

bench('compile', compilation, {
  tags: ['app', 'cpu', 'slow'],
  timeout: 300,
  expect: { duration: expect.warn.withinNative(25) },
})
