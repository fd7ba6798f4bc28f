import type { Measuring } from './session.ts'

/** The current activity of watch mode. */
export type WatchStatus =
  | { readonly kind: 'watching' }
  | { readonly kind: 'preparing'; readonly what: string }
  | Measuring

/** What changed last and its effect, or the answer to a key. */
export interface Note {
  readonly text: string
  /** Milliseconds since the epoch. */
  readonly at: number
}
