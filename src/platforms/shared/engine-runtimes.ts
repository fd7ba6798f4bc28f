/** The OCI runtimes that Docker, containerd and podman can use. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type * as z from 'zod'
import { type Requirement, which } from '../../host/packages.ts'
import { type HostArgv, runHostCommand } from '../../host/process.ts'
import { messageOf } from '../../util/errors.ts'
import { crunProgram, crunRequirement, hideHybridHierarchy } from '../crun.ts'
import { gvisorRequirement, hidingNetFiles, runscProgram } from '../gvisor.ts'
import {
  findShim,
  type Options as KataOptions,
  optionsSchema,
  runtimeOf,
  shimRequirement,
} from './kata-installation.ts'

/** Runtimes that an engine can use. */
export const runtimes = ['runc', 'crun', 'runsc', 'kata'] as const
export type Runtime = (typeof runtimes)[number]

/** A runtime of an engine. Without a version, it is the newest provisioned release or the one in PATH. */
export interface RuntimeChoice {
  readonly runtime: Runtime
  readonly version?: string | undefined
}

/** Returns whether the guest has its own kernel. */
export const isSecure = (runtime: Runtime): boolean => runtime === 'runsc' || runtime === 'kata'

/** Refuses a version of a runtime without releases. For `superRefine` of an engine's options. */
export function requireReleasedRuntime({ runtime, version }: RuntimeChoice, context: z.RefinementCtx): void {
  if (version === undefined || runtime !== 'runc') return
  const message = "isobench provisions no releases of runc: set another runtime, such as 'crun', or omit version"
  context.addIssue({ code: 'custom', path: ['version'], message })
}

/** The Kata that an engine uses: the Rust runtime, or the Go runtime if only that is installed. */
export function engineKata({ version }: Pick<RuntimeChoice, 'version'>): KataOptions {
  const [rust, go] = (['rust', 'go'] as const).map((runtime) => findShim({ runtime, version }))
  const shim = [rust, go].find((path) => which(path!) !== undefined)
  return optionsSchema.parse({ version, runtime: shim && runtimeOf(shim) })
}

/** Returns the program that a runtime needs on the host. */
export const runtimeRequirement = ({ runtime, version }: RuntimeChoice): Requirement => {
  switch (runtime) {
    case 'runc':
      return { binary: runtime, package: runtime }
    case 'crun':
      return crunRequirement({ version })
    case 'runsc':
      return gvisorRequirement({ version })
    case 'kata':
      return shimRequirement(engineKata({ version }))
  }
}

/** Argv of runtimes that need a wrapper on this host, or that an engine does not know by default. */
const commands: Readonly<Record<'crun' | 'runsc', (choice: RuntimeChoice, flags: readonly string[]) => HostArgv>> = {
  crun: (choice, flags) => hideHybridHierarchy([crunProgram(choice), ...flags]),
  runsc: (choice, flags) => hidingNetFiles([runscProgram(choice), ...flags]),
}

const shellQuote = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/** Creates an executable for an engine that runs a runtime with additional flags. */
export function makeProgram(
  path: string,
  choice: RuntimeChoice & { readonly runtime: keyof typeof commands },
  flags: readonly string[] = [],
): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\nexec ${shellQuote(commands[choice.runtime](choice, flags))} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/**
 * Returns the version of a runtime below an engine for the report: `over runsc version release-20221219.0
 * --network=host`. If the runtime fails, the text contains the error.
 */
export async function runtimeVersionText(choice: RuntimeChoice, flags: readonly string[] = []): Promise<string> {
  const { runtime } = choice
  const { binary } = runtimeRequirement(choice)
  try {
    const version = (await runHostCommand([binary, '--version'], { timeout: 10 }))
      .split('\n')
      .find((line) => /\d/.test(line))
    return ['over', version?.trim() ?? runtime, ...flags].join(' ')
  } catch (error) {
    return ['over', runtime, ...flags, `(${messageOf(error)})`].join(' ')
  }
}
