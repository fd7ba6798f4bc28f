import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs'

/** O_CLOEXEC of open(2), which `fs.constants` does not have. */
const closeOnExec = 0o2000000

/** The flags of an open file of this process: open(2), proc_pid_fdinfo(5). */
export const flagsOf = (descriptor: number): number =>
  Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))![1]!, 8)

/** Whether an open file of this process can only be read. */
export const isReadOnly = (descriptor: number): boolean =>
  (flagsOf(descriptor) & (constants.O_WRONLY | constants.O_RDWR)) === 0

/** The descriptors other than the standard ones that every process gets which this one starts. */
function passedOn(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => {
      try {
        return descriptor > 2 && (flagsOf(descriptor) & closeOnExec) === 0
      } catch {
        // `readdirSync` has closed its own.
        return false
      }
    })
    .sort((a, b) => a - b)
}

/** The mode to open its file again, which must not become the controlling terminal. */
const modeOf = (descriptor: number): number =>
  (flagsOf(descriptor) & (constants.O_WRONLY | constants.O_RDWR | constants.O_APPEND)) | constants.O_NOCTTY

/** Opens the file of a descriptor again. Opening one end of a FIFO waits for the other; O_RDWR does not: fifo(7). */
function reopen(descriptor: number): number | undefined {
  const stat = fstatSync(descriptor)
  if (!stat.isFile() && !stat.isFIFO() && !stat.isCharacterDevice()) return undefined
  const mode = stat.isFIFO() ? constants.O_RDWR : modeOf(descriptor)
  try {
    return openSync(`/proc/self/fd/${descriptor}`, mode)
  } catch {
    // No permission, or too many open files.
    return undefined
  }
}

/** Opens the file of a descriptor again under the same number, with O_CLOEXEC, or closes it. */
function replace(descriptor: number): void {
  const mode = modeOf(descriptor)
  const again = reopen(descriptor)
  closeSync(descriptor)
  if (again === undefined) return
  const opened = [again]
  try {
    // The kernel gives the lowest free number.
    while (opened.at(-1)! < descriptor) opened.push(openSync(`/proc/self/fd/${again}`, mode))
  } catch {
    // Too many open files.
  }
  for (const one of opened) if (one !== descriptor) closeSync(one)
}

/**
 * Keeps the open files of the caller from guests and from everything else that isobench starts on the host: a guest
 * could read them, and leave its root through a folder.
 *
 * Node has no fcntl(2). It sets O_CLOEXEC at its start, but only up to the first gap after descriptor 15
 * (`uv_disable_stdio_inheritance` in libuv). The others are opened again, because `--reporter json=>(jq .)` names one
 * as /dev/fd/63, or closed. A lock of flock(2) on such a descriptor ends, unless another process has it too.
 */
export function keepInheritedDescriptors(): void {
  for (const descriptor of passedOn()) replace(descriptor)
}
