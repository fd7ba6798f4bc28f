/**
 * A stack of things to be undone, the latest first. `AsyncDisposableStack` is not in Node 20, and this is the part of it
 * that isobench needs.
 */
export class AsyncDisposableStack implements AsyncDisposable {
  #held: AsyncDisposable[] = []

  use<T extends AsyncDisposable>(held: T): T {
    this.#held.push(held)
    return held
  }

  defer(undo: () => Promise<unknown> | unknown): void {
    this.#held.push({
      [Symbol.asyncDispose]: async () => {
        await undo()
      },
    })
  }

  /** Hands everything over: this stack then undoes nothing. */
  move(): AsyncDisposableStack {
    const other = new AsyncDisposableStack()
    other.#held = this.#held
    this.#held = []
    return other
  }

  /** Undoes all, and goes on after a failure; throws the first one at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let next = this.#held.pop(); next; next = this.#held.pop()) {
      try {
        await next[Symbol.asyncDispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
