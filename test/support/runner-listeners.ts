import { afterEach, beforeEach } from 'vitest'

const events = ['uncaughtException', 'unhandledRejection'] as const

/** Removes the listeners of the test runner during each test: they report errors that the tests leave behind. */
export function withoutRunnerListeners(): void {
  let removed: [event: (typeof events)[number], listener: (...args: unknown[]) => void][] = []
  beforeEach(() => {
    removed = events.flatMap((event) =>
      process.listeners(event as 'exit').map((one) => [event, one] as (typeof removed)[0]),
    )
    for (const [event, listener] of removed) process.off(event, listener)
  })
  afterEach(() => {
    for (const [event, listener] of removed) process.on(event, listener)
  })
}
