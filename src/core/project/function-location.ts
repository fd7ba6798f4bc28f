import { Session } from 'node:inspector'
import type { Location } from '../../dsl/errors.ts'
import { stackLocation } from './error-location.ts'

const located = Symbol.for('isobench.locatedFunction')

/**
 * Where a function of the project is written. Undefined if the function is not in a file of the project, or is bound.
 *
 * Only the inspector knows it. Attaching to it takes milliseconds, so call this for messages only.
 */
export function functionLocation(value: unknown, root: string): Location | undefined {
  if (typeof value !== 'function') return undefined
  const session = new Session()
  const urls = new Map<string, string>()
  let place: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number } | undefined
  try {
    session.connect()
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
    // All calls are answered at once.
    session.post('Debugger.enable')
    Object.defineProperty(globalThis, located, { value, configurable: true })
    const expression = `globalThis[Symbol.for('${located.description}')]`
    session.post('Runtime.evaluate', { expression, silent: true }, (_, found) => {
      const { objectId } = found?.result ?? {}
      if (objectId === undefined) return
      session.post('Runtime.getProperties', { objectId, ownProperties: true }, (_error, properties) => {
        const own = properties?.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]')
        place = own?.value?.value as typeof place
      })
    })
  } catch {
    // Another error is being reported, which matters more than its line.
  } finally {
    Reflect.deleteProperty(globalThis, located)
    session.disconnect()
  }
  const url = place && urls.get(place.scriptId)
  if (!place || !url) return undefined
  return stackLocation(`at ${url}:${place.lineNumber + 1}:${(place.columnNumber ?? 0) + 1}`, root)
}
