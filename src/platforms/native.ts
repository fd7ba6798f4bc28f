import * as z from 'zod'
import { defineDriver } from './driver.ts'

const options = z.strictObject({
  /** What clients call over: the same kind of link as every guest's, or nothing but the loopback. */
  network: z.enum(['veth', 'loopback']).default('veth'),
})

/** The image without isolation: a chroot under the same limits, on the same kind of network link as every guest. */
export const native = defineDriver<z.output<typeof options>>({
  kind: 'native',
  family: 'native',
  about: 'the image, the limits and the network link, without isolation',
  options,
  requirements: () => [{ binary: 'chroot', package: 'coreutils' }],
  once: async (place, argv) => place.inside(['chroot', await place.view(), ...argv]),
  open: async (place, { network }) => {
    const view = await place.view()
    return { loopback: network === 'loopback', enter: (argv) => place.inside(['chroot', view, ...argv]) }
  },
})
