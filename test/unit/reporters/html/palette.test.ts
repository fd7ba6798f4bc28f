/** The colors of verdicts for readers with a color-vision deficiency, in grayscale, and their contrast. */

import { describe, expect, it } from 'vitest'
import { dark, light, type Palette } from '../../../../src/reporters/html/palette.ts'

type Rgb = readonly [number, number, number]
type Matrix = readonly [Rgb, Rgb, Rgb]

/**
 * Machado, Oliveira and Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE TVCG
 * 15(6), 2009, severity 1.0. They apply to linear RGB.
 */
const deficiencies: Record<string, Matrix> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

/** sRGB, IEC 61966-2-1. */
function linear(hex: string): Rgb {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [channel(1), channel(3), channel(5)]
}

const dot = (a: Rgb, b: Rgb): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const inGamut = (value: number): number => Math.min(1, Math.max(0, value))
const simulated = ([r, g, b]: Matrix, color: Rgb): Rgb => [
  inGamut(dot(r, color)),
  inGamut(dot(g, color)),
  inGamut(dot(b, color)),
]
const luminance = (color: Rgb): number => dot([0.2126, 0.7152, 0.0722], color)

/** CIELAB of linear RGB, D65. */
function lab(color: Rgb): Rgb {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116)
  const x = f(dot([0.4124564, 0.3575761, 0.1804375], color) / 0.95047)
  const y = f(dot([0.2126729, 0.7151522, 0.072175], color))
  const z = f(dot([0.0193339, 0.119192, 0.9503041], color) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/** The CIE 1976 color difference. About 2.3 is just noticeable. */
function distance(a: Rgb, b: Rgb): number {
  const [p, q] = [lab(a), lab(b)]
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
}

/** WCAG 2.2, the definition of "contrast ratio". */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(linear(a)), luminance(linear(b))].sort((p, q) => q - p) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const pairs = <T>(all: readonly T[]): [T, T][] => all.flatMap((a, at) => all.slice(at + 1).map((b): [T, T] => [a, b]))

/** The least distance of two of the colors as a reader with the deficiency sees them. */
const leastDistance = (colors: readonly string[], matrix?: Matrix): number =>
  Math.min(
    ...pairs(colors.map(linear).map((color) => (matrix ? simulated(matrix, color) : color))).map(([a, b]) =>
      distance(a, b),
    ),
  )

const gray = (color: string): Rgb => {
  const value = luminance(linear(color))
  return [value, value, value]
}

describe.each<[string, Palette]>([
  ['light', light],
  ['dark', dark],
])('%s', (_, palette) => {
  const { good, bad, doubt, none } = palette
  const backgrounds = [palette.back, palette.card, palette.warn]

  it.each(Object.keys(deficiencies))('better, worse, undecided and no verdict differ by 15 or more with %s', (name) => {
    expect(leastDistance([good, bad, doubt, none], deficiencies[name])).toBeGreaterThanOrEqual(15)
  })

  it('they differ in grayscale too, by 8 or more', () => {
    expect(
      Math.min(...pairs([good, bad, doubt, none].map(gray)).map(([a, b]) => distance(a, b))),
    ).toBeGreaterThanOrEqual(8)
  })

  it('text has a contrast of at least 4.5 on every background (1.4.3)', () => {
    for (const color of [palette.text, palette.muted, good, bad, doubt, palette.focus])
      for (const back of backgrounds) expect([color, back, contrast(color, back) >= 4.5]).toEqual([color, back, true])
  })

  it('shapes and lines have a contrast of at least 3 on the card beneath them (1.4.11)', () => {
    for (const color of [none, ...palette.lines])
      expect([color, contrast(color, palette.card) >= 3]).toEqual([color, true])
  })
})

it('the simulation finds red and green of the same lightness alike with deuteranopia', () => {
  // The colors of an earlier version.
  expect(leastDistance(['#b92626', '#17703c', '#855700'], deficiencies.deuteranopia)).toBeLessThan(7)
  expect(leastDistance(['#b92626', '#17703c', '#855700'])).toBeGreaterThan(40)
})
