import { AsyncDisposableStack } from '../../disposable.ts'
import type { Session } from '../session.ts'
import { GuestPool } from './slot.ts'

/** Where samples are taken: some CPUs, and the guests that run on them. */
export class Stage implements AsyncDisposable {
  readonly slots: { readonly round: GuestPool; readonly run: GuestPool }
  readonly #held = new AsyncDisposableStack()

  /** @param timeout seconds that booting a guest may take */
  constructor(
    readonly session: Session,
    rootfs: string,
    timeout: number,
  ) {
    this.slots = {
      round: this.#held.use(new GuestPool(session, rootfs, timeout)),
      run: this.#held.use(new GuestPool(session, rootfs, timeout)),
    }
  }

  /** Ends the guests of a round; the next one boots its own. */
  endRound(): Promise<void> {
    return this.slots.round[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#held[Symbol.asyncDispose]()
  }
}
