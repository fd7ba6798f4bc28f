import { bench, expect, lower, workload } from 'isobench'
import { pip, seeds } from 'isobench/tools'
import { folderAt, places } from './place.ts'

/**
 * `pip install` of packages with pinned hashes, without a network: the counterpart of `npm ci`. pip verifies the
 * wheels, which are in the image, unpacks them, and compiles their modules.
 */
const installation = workload('pip install', {
  metrics: { duration: lower('ms') },
  params: { on: places },
  async prepare({ guest, params: { on } }) {
    const { stdout } = await guest.exec(seeds.countFiles(pip.wheels))
    return { folder: folderAt(on, guest, 'packages'), packages: stdout.length }
  },
  async run({ guest, prepared: { folder, packages } }) {
    const { stdout, milliseconds } = await guest.exec(pip.install(folder))
    const installed = pip.parse(stdout).packages
    if (installed !== packages) throw new Error(`pip installed ${installed} of ${packages} packages`)
    return { duration: milliseconds }
  },
  async cleanup({ guest, prepared: { folder } }) {
    await guest.exec(seeds.remove(folder))
  },
})

bench('pip install', installation, {
  tags: ['app', 'io', 'slow'],
  timeout: 300,
  expect: { duration: expect.warn.withinNative(50) },
})
