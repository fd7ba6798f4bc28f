/** Lets several wait for each other. */
export interface Rendezvous {
  /** Counts one more arrival. */
  arrive(): void
  /** Lets all pass, although some have not arrived. */
  open(): void
  /** Resolves when all have arrived, or when it is opened. */
  readonly opened: Promise<void>
}

/** @param count how many arrivals open it */
export function createRendezvous(count: number): Rendezvous {
  let missing = count
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    arrive: () => {
      missing--
      if (missing === 0) open()
    },
    open: () => open(),
    opened,
  }
}
