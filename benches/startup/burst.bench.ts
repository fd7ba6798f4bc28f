import { bench, expect, higher, lower, quantile, unit, workload } from 'isobench'
import { command } from 'isobench/tools'

/** The first command of a guest prints a line, and then stays. A unikernel can run it, because it starts no process. */
const firstCommand = command('/bin/busybox', 'tail', '-f', '/etc/os-release')

/** Guests of one sample. Small bursts are repeated until there are so many. */
const guestsPerSample = 8

/** Seconds after which a guest counts as failed. */
const limit = 60

/**
 * Several guests that are requested at once, or every 200 ms. The time of a guest runs from its request to the first
 * output of its first command. isobench prepares the sandboxes of all guests before the first request. The guests stay
 * until the last one is ready, and have all CPUs of the run together.
 *
 * Percentiles are those of the guests of a sample that became ready: with 8 guests, p95 and p99 are close to the
 * slowest one. A guest that fails, or is not ready after a minute, lowers the success rate.
 */
const burst = workload.guests('guests requested together', {
  metrics: {
    p50: lower('ms'),
    p95: lower('ms'),
    p99: lower('ms'),
    last: lower('ms'),
    rate: unit('guests/s', { better: 'higher' }),
    success: higher('%'),
  },
  params: { guests: [1, 2, 4, 8, 16, 32, 64], every: [0, 200] },
  async run({ burst, params: { guests, every } }) {
    const ready: number[] = []
    const last: number[] = []
    const rate: number[] = []
    let failure: string | undefined
    const bursts = Math.max(1, Math.floor(guestsPerSample / guests))
    for (let i = 0; i < bursts; i++) {
      const ends: number[] = []
      for (const start of await burst(guests, firstCommand, { every, limit })) {
        if (start.ok) {
          ready.push(start.readyMs)
          ends.push(start.requestedMs + start.readyMs)
        } else failure ??= start.error
      }
      if (ends.length === 0) continue
      last.push(Math.max(...ends))
      rate.push((1000 * ends.length) / Math.max(...ends))
    }
    if (ready.length === 0) throw new Error(`no guest became ready: ${failure}`)
    return {
      p50: quantile(ready, 0.5),
      p95: quantile(ready, 0.95),
      p99: quantile(ready, 0.99),
      last,
      rate,
      success: (100 * ready.length) / (bursts * guests),
    }
  },
})

export const bursts = bench('burst', burst, {
  params: { guests: [1, 2, 4, 8], every: [0, 200] },
  profiles: { paper: { guests: [1, 2, 4, 8, 16, 32, 64] } },
  tags: ['startup', 'burst', 'slow'],
  timeout: 300,
  expect: { p95: expect.warn.atMost('10s'), success: expect.warn.atLeast('99%') },
})
