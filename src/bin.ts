import { main } from './cli.ts'

// A reader that goes away (`isobench list | head`, or a terminal: EIO) is no fault, and must not keep a run from
// closing what it opened.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}
process.exitCode = await main(process.argv.slice(2))
