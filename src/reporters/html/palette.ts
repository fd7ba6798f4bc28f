/**
 * The colors of the page. Those of verdicts stay apart for readers with a color-vision deficiency and in grayscale:
 * test/unit/reporters/html/palette.test.ts simulates both. Each color of a text has a contrast of at least 4.5 on every
 * background (WCAG 2.2, 1.4.3), and each color of a shape 3 (1.4.11). A shape or a sign says the same as a color.
 */

export interface Palette {
  readonly text: string
  readonly muted: string
  /** Borders and grids. */
  readonly line: string
  readonly back: string
  readonly card: string
  readonly warn: string
  readonly focus: string
  /** Of verdicts, in text and in pictures. */
  readonly bad: string
  readonly good: string
  readonly doubt: string
  /** Without a verdict, in pictures only. */
  readonly none: string
  /** Of the lines of a chart, after Okabe and Ito. */
  readonly lines: readonly string[]
}

export const light: Palette = {
  text: '#1d2127',
  muted: '#5a6472',
  line: '#dfe3e8',
  back: '#ffffff',
  card: '#f6f7f9',
  warn: '#fff6e0',
  focus: '#0b62d6',
  bad: '#8f0f0f',
  good: '#0a6375',
  doubt: '#906a00',
  none: '#868e98',
  lines: ['#0072b2', '#c44e00', '#00805c', '#a8327d', '#8a6d00', '#3a86c8', '#5b4bb5', '#6b4a2b'],
}

export const dark: Palette = {
  text: '#e4e7ec',
  muted: '#a3adbb',
  line: '#333a45',
  back: '#14171c',
  card: '#1c2027',
  warn: '#2b2413',
  focus: '#6cb2ff',
  bad: '#ff6b5e',
  good: '#4fd1b5',
  doubt: '#ffe680',
  none: '#727a85',
  lines: ['#5ab4f0', '#ff9a4d', '#3fd6a4', '#f08ac8', '#e6c84a', '#9fd0ff', '#b3a5ff', '#d0a882'],
}
