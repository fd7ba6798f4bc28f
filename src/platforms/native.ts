import * as z from 'zod'
import { defineDriver } from '../driver.ts'

const options = z.strictObject({
  /** What clients call over: the same kind of link as every guest's, or nothing but the loopback. */
  network: z.enum(['veth', 'loopback']).default('veth'),
})

/** The image without isolation: a chroot under the same limits, on the same kind of network link as every guest. */
export const native = defineDriver<z.output<typeof options>>({
  kind: 'native',
  family: 'native',
  description: 'the image, the limits and the network link, without isolation',
  options,
  requirements: () => [{ binary: 'chroot', package: 'coreutils' }],
  oneShot: async (place, argv) => place.wrap(['chroot', await place.chrootDir(), ...argv]),
  boot: async (place, { network }) => {
    const view = await place.chrootDir()
    return { loopback: network === 'loopback', execArgv: (argv) => place.wrap(['chroot', view, ...argv]) }
  },
})
