import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { inChroot } from '../host/environment.ts'

const optionsSchema = z.strictObject({
  /** Network of the load generator: the same kind of link as every guest's, or only the loopback. */
  network: z.enum(['veth', 'loopback']).default('veth'),
})

/** The image without isolation: a chroot with the same limits and the same kind of network link as every guest. */
export const native = defineDriver({
  kind: 'native',
  family: 'native',
  description: 'the image, the limits and the network link, without isolation',
  options: optionsSchema,
  requirements: () => [{ binary: 'chroot', package: 'coreutils' }],
  oneShot: async (sandbox, argv) => sandbox.wrap(inChroot(await sandbox.chrootDir(), argv)),
  boot: async (sandbox, { network }) => {
    const chrootDir = await sandbox.chrootDir()
    return { loopback: network === 'loopback', execArgv: (argv) => sandbox.wrap(inChroot(chrootDir, argv)) }
  },
})
