import { json } from './json.ts'
import type { ReporterKind } from './reporter.ts'
import { standard } from './terminal/default.ts'

const kinds = [standard, json]

/** Every kind of reporter by its name. */
export const reporters: Readonly<Record<string, ReporterKind>> = Object.fromEntries(
  kinds.map((kind) => [kind.name, kind]),
)
