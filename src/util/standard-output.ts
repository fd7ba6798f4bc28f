import { fstatSync, writeFileSync } from 'node:fs'
import { sanitize } from './text.ts'

type Write = (text: string) => boolean

// Before `redirectStandardDescriptor` replaces the function.
const writeToDescriptor = writeFileSync

/**
 * Takes standard output for isobench alone: what user code prints there goes to standard error from now on, because
 * standard output may be a report that a machine reads.
 * @returns the stream to write to
 */
export function takeStandardOutput({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): NodeJS.WriteStream {
  const write = isFile(stdout.fd) ? completeWrite(stdout) : stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr)
  // User code that delays or encodes what it writes would change the report, too.
  stdout.cork = () => {}
  stdout.setDefaultEncoding = () => stdout
  // So would user code that ends or destroys the stream. Errors of isobench go to standard error.
  keepOpen(stdout)
  keepOpen(stderr)
  const destroy = stdout.destroy.bind(stdout)
  // Node destroys the stream with the error of a write, for example of a full disk. That must stay visible.
  stdout.destroy = (error) => (error ? destroy(error) : stdout)
  return Object.create(stdout, { write: { value: write } })
}

/**
 * Makes `end` of a stream only write, because user code ends it: `pipeline` does with its last stream.
 * @param events what `pipeline` waits for: of a stream in a worker thread, also its `close`
 */
export function keepOpen(stream: NodeJS.WriteStream, events: readonly string[] = ['finish']): void {
  stream.end = ((...given: unknown[]) => {
    const [text, encoding] = given
    if (typeof text === 'string') stream.write(text, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8')
    else if (text instanceof Uint8Array) stream.write(text)
    const done = given.findLast((one) => typeof one === 'function')
    if (done) stream.once('finish', done as () => void)
    process.nextTick(() => {
      for (const event of events) stream.emit(event)
    })
    return stream
  }) as typeof stream.end
}

/**
 * Standard error with the `write` that it has now. With one of user code, isobench could not print its errors.
 */
export const keepStandardError = ({ stderr }: Pick<NodeJS.Process, 'stderr'>): NodeJS.WriteStream =>
  Object.create(stderr, { write: { value: stderr.write.bind(stderr) } })

/** The line above what user code printed. @param source the bench file, or the case and the platform */
export const outputHeading = (stream: 'stdout' | 'stderr', source: string): string =>
  `${stream} | ${sanitize(source)}\n`

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile()
  } catch {
    return false
  }
}

/**
 * Writes all of a text to a file, or fails. Node's own stream for a file ignores that the kernel has written only a
 * part of it, as on a disk that is almost full.
 */
function completeWrite(stream: NodeJS.Process['stdout']): Write {
  let hasFailed = false
  return (text) => {
    if (hasFailed) return false
    try {
      writeToDescriptor(stream.fd, text)
    } catch (error) {
      hasFailed = true
      // As the streams of Node do, after the caller.
      process.nextTick(() => stream.emit('error', error as Error))
    }
    return !hasFailed
  }
}

/** Waits until everything that was written to a stream has left the process, or cannot. */
export const flushed = (stream: NodeJS.WriteStream): Promise<unknown> =>
  // The method of the class, because standard output has another one.
  new Promise((resolve) => Object.getPrototypeOf(stream).write.call(stream, '', resolve))
