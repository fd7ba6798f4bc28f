import { benchmarkAction } from './benchmark-action.ts'
import { csv } from './csv.ts'
import { github } from './github.ts'
import { html } from './html/html.ts'
import { json } from './json.ts'
import { junit } from './junit.ts'
import { markdown } from './markdown.ts'
import type { ReporterFactory } from './reporter.ts'
import { defaultReporter } from './terminal/default.ts'
import { dot } from './terminal/dot.ts'
import { verbose } from './terminal/verbose.ts'

const kinds = [defaultReporter, verbose, dot, json, junit, github, markdown, csv, html, benchmarkAction]

/** Every kind of reporter by its name. */
export const reporters: Readonly<Record<string, ReporterFactory>> = Object.fromEntries(
  kinds.map((kind) => [kind.name, kind]),
)
