/**
 * Takes standard output for isobench alone: what user code prints there goes to standard error from now on, because
 * standard output may be a report that a machine reads.
 * @returns the stream to write to
 */
export function takeStandardOutput({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): NodeJS.WriteStream {
  const write = stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr)
  return Object.create(stdout, { write: { value: write } })
}

/** Waits until everything that was written to a stream has left the process, or cannot. */
export const flushed = (stream: NodeJS.WriteStream): Promise<unknown> =>
  // The method of the class, because standard output has another one.
  new Promise((resolve) => Object.getPrototypeOf(stream).write.call(stream, '', resolve))
