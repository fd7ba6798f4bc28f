/** Prints a table of measured rates, columns padded, so that a calibration run can be read and pasted into the docs. */
export function printTable(title: string, rows: readonly Readonly<Record<string, string | number>>[]): void {
  const names = Object.keys(rows[0] ?? {})
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name]).length)))
  const line = (texts: readonly (string | number)[]) =>
    `| ${texts.map((text, i) => String(text).padEnd(widths[i] ?? 0)).join(' | ')} |`
  const body = rows.map((row) => line(names.map((name) => row[name] ?? '')))
  console.log([title, line(names), line(widths.map((width) => '-'.repeat(width))), ...body].join('\n'))
}

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** Less than 1 on a slow host: `CALIBRATION_SCALE=0.2` runs a fifth of the repetitions. */
const scale = Number(process.env.CALIBRATION_SCALE ?? 1)

/** The repetitions of a cell on this host, at least 20. Fewer of them widen what chance may add: see `luck`. */
export const repetitions = (wanted: number): number => Math.max(20, Math.round(scale * wanted))

/** Four standard errors of a measured share with the true value `rate`: what chance may add to it. */
export const luck = (rate: number, trials: number): number => 4 * Math.sqrt((rate * (1 - rate)) / trials)
