/**
 * Disposes of resources in reverse order. Replaces the part of the standard `AsyncDisposableStack` that isobench needs,
 * which Node.js 20 does not have.
 */
export class AsyncDisposableStack implements AsyncDisposable {
  #resources: AsyncDisposable[] = []

  use<T extends AsyncDisposable>(resource: T): T {
    this.#resources.push(resource)
    return resource
  }

  defer(dispose: () => Promise<unknown> | unknown): void {
    this.#resources.push({
      [Symbol.asyncDispose]: async () => {
        await dispose()
      },
    })
  }

  /** Moves all resources to a new stack. Disposing of this one then does nothing. */
  move(): AsyncDisposableStack {
    const other = new AsyncDisposableStack()
    other.#resources = this.#resources
    this.#resources = []
    return other
  }

  /** Disposes of all resources, even if some fail, and then throws the first error. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let next = this.#resources.pop(); next; next = this.#resources.pop()) {
      try {
        await next[Symbol.asyncDispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
