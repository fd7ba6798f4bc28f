import * as z from 'zod'
import { runtimeBinary } from '../runtime-binary.ts'

/** What Kata Containers 4.1 shares folders by, with each of its runtimes and hypervisors; none by Firecracker. */
const shares = {
  rust: { qemu: ['virtio-fs'], clh: ['virtio-fs'], dragonball: ['virtio-fs'], firecracker: [] },
  go: { qemu: ['virtio-fs', 'virtio-9p'], clh: ['virtio-fs'], dragonball: undefined, firecracker: [] },
} as const

export type Runtime = keyof typeof shares
export type Hypervisor = keyof (typeof shares)[Runtime]

/** Why these cannot be had together, and what can. */
function refusal(runtime: Runtime, hypervisor: Hypervisor, sharedFs: string): string | undefined {
  const can: readonly string[] | undefined = shares[runtime][hypervisor]
  if (can === undefined) return `${hypervisor} is a part of the Rust runtime: give runtime: 'rust'`
  if (can.length === 0) {
    return `by ${hypervisor}, Kata shares no folders and boots from block devices of containerd's devmapper alone: give hypervisor: 'qemu' or 'clh'`
  }
  if (can.includes(sharedFs)) return undefined
  const others = sharedFs === 'virtio-9p' ? ", or runtime: 'go' with hypervisor: 'qemu'" : ''
  return `Kata's ${runtime} runtime has no ${sharedFs} with ${hypervisor}: give sharedFs: ${can.map((one) => `'${one}'`).join(' or ')}${others}`
}

export const options = z
  .strictObject({
    /** Which of Kata's two runtimes: in Rust, its default since release 4, or the former one in Go. */
    runtime: z.enum(['rust', 'go']).default('rust'),
    hypervisor: z.enum(['qemu', 'clh', 'dragonball', 'firecracker']).default('qemu'),
    /** How the image and /data get into the guest; virtio-9p is the Go runtime's alone. */
    sharedFs: z.enum(['virtio-fs', 'virtio-9p']).default('virtio-fs'),
    /** The shim: another containerd-shim-kata-v2 than the release's or the one in PATH. */
    binary: runtimeBinary('shim of Kata', 'Kata Containers containerd shim'),
    /** The configuration of an installation that is somewhere else. It is read, never written. */
    config: z.string().regex(/^\//, 'give the whole path of the file').optional(),
  })
  .superRefine(({ runtime, hypervisor, sharedFs }, context) => {
    const wrong = refusal(runtime, hypervisor, sharedFs)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })

export type Options = z.output<typeof options>
