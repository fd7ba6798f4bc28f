import { benchfmt } from './benchfmt.ts'
import { benchmarkAction } from './benchmark-action.ts'
import { bmf } from './bmf.ts'
import { csv } from './csv.ts'
import { github } from './github.ts'
import { htmlReporter } from './html/reporter.ts'
import { json } from './json.ts'
import { junit } from './junit.ts'
import { markdown } from './markdown.ts'
import { otavaCsv } from './otava-csv.ts'
import { pr } from './pr.ts'
import type { ReporterFactory } from './reporter.ts'
import { defaultReporter, dot, verbose } from './terminal/reporter.ts'

const kinds = [
  defaultReporter,
  verbose,
  dot,
  json,
  junit,
  github,
  markdown,
  pr,
  csv,
  htmlReporter,
  benchmarkAction,
  bmf,
  otavaCsv,
  benchfmt,
]

/** Every kind of reporter by its name. */
export const reporters: Readonly<Record<string, ReporterFactory>> = Object.fromEntries(
  kinds.map((kind) => [kind.name, kind]),
)
