import * as z from 'zod'
import { defineDriver } from './driver.ts'

/** The image without isolation: a chroot under the same limits, on the same kind of network link as every guest. */
export const native = defineDriver({
  kind: 'native',
  family: 'native',
  about: 'the image, the limits and the network link, without isolation',
  options: z.strictObject({}),
  requirements: () => [{ binary: 'chroot', package: 'coreutils' }],
  once: async (place, argv) => place.inside(['chroot', await place.view(), ...argv]),
  open: async (place) => {
    const view = await place.view()
    return { enter: (argv) => place.inside(['chroot', view, ...argv]) }
  },
})
