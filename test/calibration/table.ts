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

/** Four standard errors of a measured share with the true value `rate`: what chance may add to it. */
export const luck = (rate: number, trials: number): number => 4 * Math.sqrt((rate * (1 - rate)) / trials)
