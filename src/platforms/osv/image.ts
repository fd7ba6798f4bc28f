import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Unavailable } from '../driver.ts'

/** Where OSv's `scripts/build` puts what it makes, beside the image: `build/last`. */
const kernelName = 'loader-stripped.elf'

export interface OsvFiles {
  readonly image: string
  readonly kernel: string
  readonly command: string
}

interface Given {
  readonly image?: string | undefined
  readonly kernel?: string | undefined
  readonly command?: string | undefined
}

export const howToBuild =
  "build one with OSv's own tools: in a checkout of github.com/cloudius-systems/osv, with its submodules, " +
  'scripts/setup.py, then scripts/build fs=rofs image=<app>; and name what it leaves: ' +
  "platform('osv', { image: '/…/build/last/usr.img' })"

/** An image of OSv's with its kernel and its command line; or what of them is not there. */
export function filesOf({ image, kernel, command }: Given): OsvFiles | Unavailable {
  if (image === undefined) return { reason: 'no OSv image', fix: howToBuild }
  const beside = (name: string) => join(dirname(image), name)
  const loader = kernel ?? beside(kernelName)
  const absent = [image, loader].find((file) => !existsSync(file))
  if (absent !== undefined) return { reason: `no OSv image: there is no ${absent}`, fix: howToBuild }
  const line = command ?? (existsSync(beside('cmdline')) ? readFileSync(beside('cmdline'), 'utf8') : '')
  return { image, kernel: loader, command: line.trim() }
}

/** QEMU's own name for an image's format: qcow2 by its first bytes, else raw. */
export function formatOf(image: string): 'qcow2' | 'raw' {
  const file = openSync(image, 'r')
  try {
    const bytes = Buffer.alloc(4)
    readSync(file, bytes, 0, 4, 0)
    return bytes.toString('latin1') === 'QFI\xfb' ? 'qcow2' : 'raw'
  } finally {
    closeSync(file)
  }
}

/** OSv's kernels say what they are when they start: `OSv v0.57.0-398-g0e34e4dc`. */
export const versionOf = (kernel: string): string =>
  /OSv (v\d[\w.-]+)/.exec(readFileSync(kernel, 'latin1'))?.[1] ?? 'of no known version'
