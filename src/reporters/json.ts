import { documentReporter } from './document.ts'

// JSON leaves these as they are; as escapes they mean the same, and a terminal does not act on them.
const risky = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`

const text = (value: unknown): string => `${JSON.stringify(value, null, 1).replace(risky, escaped)}\n`

/** The whole report, as the schema says it; of several records an array of reports. */
export const json = documentReporter(
  'json',
  'the whole report as JSON; see docs/reference/json-report.md',
  text,
  (runs) => text(runs.map(({ report }) => report)),
)
