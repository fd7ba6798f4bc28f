/** What a part of the campaign has found. */
export interface CampaignRow {
  /** What was done. */
  readonly kind: string
  readonly cases: number
  /** Samples, verdicts or answers that are missing although they should be there. */
  readonly lost: number
  /** Objects that are left on the host, or files; null if the kind creates none. */
  readonly left: number | null
  /** One line for each case that went wrong, to reproduce it. */
  readonly faults: readonly string[]
}

/** Counts cases, and keeps those that went wrong. */
export class CampaignCounter {
  #cases = 0
  #lost = 0
  #left: number | null = null
  readonly #faults: string[] = []

  constructor(private readonly kind: string) {}

  /**
   * Counts a case.
   * @param name describes the case, so that it can be repeated
   */
  count(name: string, { lost = 0, left }: { readonly lost?: number; readonly left?: number } = {}): void {
    this.#cases++
    this.#lost += lost
    if (left !== undefined) this.#left = (this.#left ?? 0) + left
    if (lost > 0 || (left ?? 0) > 0) this.#faults.push(`${this.kind}: ${name}: lost ${lost}, left ${left ?? 0}`)
  }

  get row(): CampaignRow {
    return { kind: this.kind, cases: this.#cases, lost: this.#lost, left: this.#left, faults: this.#faults }
  }
}

/** The rows as a Markdown table. */
export function campaignTable(rows: readonly CampaignRow[]): string {
  const lines = rows.map(({ kind, cases, lost, left }) => `| ${kind} | ${cases} | ${lost} | ${left ?? 'none made'} |`)
  return ['| kind | cases | lost | left over |', '|---|---|---|---|', ...lines].join('\n')
}
