import type { Artifact } from '../../platforms/driver.ts'
import type { ArtifactBuildOptions } from '../build-options.ts'
import { ensureKernel, type KernelSource, kernelPath } from './kernel.ts'
import { diskPath, ensureDisk } from './root-disk.ts'

/** What every monitor's guests are made of: the kernel with its initramfs, and a disk of the image where there is one. */
export const guestArtifacts = (rootfs: string | undefined, from: KernelSource): Artifact[] => [
  { name: 'guest kernel', path: kernelPath(from), ensure: (options) => ensureKernel(options, from) },
  ...(rootfs === undefined
    ? []
    : [
        {
          name: 'disk of the image',
          path: diskPath(rootfs),
          ensure: (options: ArtifactBuildOptions) => ensureDisk(rootfs, options),
        },
      ]),
]
