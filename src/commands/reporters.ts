import { resolve } from 'node:path'
import { type Reporter, tellAll } from '../core/reporting.ts'
import { messageOf, UsageError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { reporters } from '../reporters/index.ts'
import type { Io } from './command.ts'
import type { Options } from './options.ts'

/**
 * The reporters that `--reporter name[=file]` asks for, as one.
 * @throws UsageError for a name that there is not.
 */
export function openReporters(
  options: Pick<Options, 'reporter' | 'json' | 'verbose'>,
  root: string,
  io: Io,
): Required<Reporter> {
  const wanted = options.json ? ['json', ...options.reporter.filter((text) => text !== 'default')] : options.reporter
  const out = {
    write: (text: string) => void io.out.write(text),
    isTTY: io.out.isTTY === true,
    columns: io.out.columns ?? 100,
  }
  return tellAll(
    wanted.map((text) => {
      const [name, ...file] = text.split('=') as [string, ...string[]]
      const kind = Object.hasOwn(reporters, name) ? reporters[name] : undefined
      if (!kind) {
        const close = nearest(name, Object.keys(reporters))
        throw new UsageError(
          `there is no reporter "${name}"`,
          close ? `did you mean "${close}"?` : `there are: ${Object.keys(reporters).join(', ')}`,
        )
      }
      const path = file.join('=')
      const reporter = kind.create({
        out,
        root,
        color: io.color,
        verbose: options.verbose,
        ...(path !== '' && { file: resolve(io.cwd, path) }),
      })
      return { name, reporter }
    }),
    (name, error) =>
      void io.err.write(`the reporter "${name}" broke, and the run goes on without it: ${messageOf(error)}\n`),
  )
}
