import { main } from './cli.ts'

// A reader that goes away (`isobench list | head`) is no fault, and must not keep a run from closing what it opened.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}
process.exitCode = await main(process.argv.slice(2))
