import { gaussian } from './simulate.ts'

/** Noise that the promises have to survive, as the logarithm of one platform's values, round by round. */
export type Noise = (rounds: number, random: () => number) => number[]

const independent =
  (draw: (random: () => number) => number): Noise =>
  (rounds, random) =>
    Array.from({ length: rounds }, () => draw(random))

/** Little noise inside a mode, so that five rounds of one mode look precise. */
const modes = (share: number, apart: number): Noise =>
  independent((random) => (random() < share ? 0 : Math.log1p(apart)) + 0.01 * gaussian(random))

const autoregressive =
  (correlation: number, spread: number): Noise =>
  (rounds, random) => {
    let x = (spread * gaussian(random)) / Math.sqrt(1 - correlation ** 2)
    return Array.from({ length: rounds }, () => {
      x = correlation * x + spread * gaussian(random)
      return x
    })
  }

export const independentNoises: Readonly<Record<string, Noise>> = {
  'CV 2 %': independent((random) => 0.02 * gaussian(random)),
  'CV 5 %': independent((random) => 0.05 * gaussian(random)),
  'CV 15 %': independent((random) => 0.15 * gaussian(random)),
  'heavy tails': independent((random) => 0.03 * gaussian(random) - (random() < 0.1 ? 0.3 * Math.log(1 - random()) : 0)),
  '8 % outliers x5': independent((random) => 0.03 * gaussian(random) + (random() < 0.08 ? Math.log(5) : 0)),
  'two modes 60/40, 10 %': modes(0.6, 0.1),
  'two modes 60/40, 20 %': modes(0.6, 0.2),
  'two modes 80/20, 30 %': modes(0.8, 0.3),
  'quantized to 5 %': independent((random) => Math.log(Math.round(20 * Math.exp(0.04 * gaussian(random))) / 20)),
}

/** The rounds of these depend on each other. Below ten rounds nothing can see that. */
export const dependentNoises: Readonly<Record<string, Noise>> = {
  'AR(1) 0.5': autoregressive(0.5, 0.04),
  'AR(1) 0.8': autoregressive(0.8, 0.03),
  drift: (rounds, random) => {
    const change = 0.2 * (random() - 0.5)
    return Array.from({ length: rounds }, (_, at) => (change * at) / rounds + 0.02 * gaussian(random))
  },
  'random walk': (rounds, random) => {
    let x = 0
    return Array.from({ length: rounds }, () => {
      x += 0.02 * gaussian(random)
      return x
    })
  },
}
