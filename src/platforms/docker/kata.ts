import type { Limits } from '../../guest/cgroup.ts'
import { which } from '../../guest/requirements.ts'
import { kataConfigDropIn, writeConfiguration } from '../kata/configuration.ts'
import { findShim, runtimeOf } from '../kata/installation.ts'
import { requiredConfiguration } from '../kata/obstacle.ts'
import { type Options, options } from '../kata/options.ts'
import { kataShim } from '../runtimes.ts'
import type { RegisteredRuntime } from './registered.ts'

/** Kata as it is installed: the Rust runtime, or the Go runtime where only that is. */
export const installedKata = (): Options => options.parse({ runtime: runtimeOf(kataShim()) })

/**
 * Kata has no runtime of runc's kind any more, but a shim of its own: it is registered by its path, with a configuration in
 * `folder`, by which the machine has the size of these limits.
 */
export function registeredKata(folder: string, limits: Limits, given: Options): RegisteredRuntime {
  const file = writeConfiguration(folder, requiredConfiguration(given), kataConfigDropIn(given, limits))
  const shim = findShim(given)
  return { runtimeType: which(shim) ?? shim, options: { ConfigPath: file } }
}
