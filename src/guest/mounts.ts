import { readFileSync } from 'node:fs'

export interface Mount {
  readonly path: string
  readonly type: string
  /** Options of the file system itself: for cgroup v1, its controllers. */
  readonly superOptions: readonly string[]
}

const plain = (text: string) =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

/** What is mounted, in the order it was mounted; the format is in proc(5). */
export function mounts(): Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')
  return lines.map((line) => {
    const [before, after] = line.split(' - ') as [string, string]
    const [type, , options = ''] = after.split(' ')
    return { path: plain(before.split(' ')[4]!), type: type!, superOptions: options.split(',') }
  })
}

/** Mount points at `folder` and below it, the latest first: the order to unmount them in. */
export function mountsBelow(folder: string): string[] {
  return mounts()
    .map(({ path }) => path)
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .reverse()
}
