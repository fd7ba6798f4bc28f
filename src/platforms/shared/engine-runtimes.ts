/** The OCI runtimes that Docker, containerd and podman can use. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Requirement } from '../../host/packages.ts'
import { type HostArgv, runHostCommand } from '../../host/process.ts'
import { messageOf } from '../../util/errors.ts'
import { hideHybridHierarchy } from '../crun.ts'
import { gvisorRequirement, hidingNetFiles } from '../gvisor.ts'
import { findShim, howToInstall } from './kata-installation.ts'

/** Runtimes that an engine can use. */
export const runtimes = ['runc', 'crun', 'runsc', 'kata'] as const
export type Runtime = (typeof runtimes)[number]

/** Returns whether the guest has its own kernel. */
export const isSecure = (runtime: Runtime): boolean => runtime === 'runsc' || runtime === 'kata'

/** The shim of Kata's default runtime. */
export const kataShim = (): string => findShim({ runtime: 'rust' })

/** Returns the program that a runtime needs on the host. */
export const runtimeRequirement = (runtime: Runtime): Requirement =>
  runtime === 'runsc'
    ? gvisorRequirement('runsc')
    : runtime === 'kata'
      ? { binary: kataShim(), installHint: howToInstall({ runtime: 'rust' }) }
      : { binary: runtime, package: runtime }

/** Argv of runtimes that need a wrapper on this host, or that an engine does not know by default. */
const commands: Readonly<Record<'crun' | 'runsc', (flags: readonly string[]) => HostArgv>> = {
  crun: (flags) => hideHybridHierarchy(['crun', ...flags]),
  runsc: (flags) => hidingNetFiles(['runsc', ...flags]),
}

const shellQuote = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/** Creates an executable for an engine that runs a runtime with additional flags. */
export function makeProgram(path: string, runtime: keyof typeof commands, flags: readonly string[] = []): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\nexec ${shellQuote(commands[runtime](flags))} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/**
 * Returns the version of a runtime below an engine for the report: `over runsc version release-20221219.0
 * --network=host`. If the runtime fails, the text contains the error.
 */
export async function runtimeVersionText(runtime: Runtime, flags: readonly string[] = []): Promise<string> {
  const binary = runtimeRequirement(runtime).binary
  try {
    const version = (await runHostCommand([binary, '--version'], { timeout: 10 }))
      .split('\n')
      .find((line) => /\d/.test(line))
    return ['over', version?.trim() ?? runtime, ...flags].join(' ')
  } catch (error) {
    return ['over', runtime, ...flags, `(${messageOf(error)})`].join(' ')
  }
}
