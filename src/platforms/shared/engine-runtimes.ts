import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Requirement } from '../../host/packages.ts'
import { type HostArgv, runHostCommand } from '../../host/process.ts'
import { messageOf } from '../../util/errors.ts'
import { hideHybridHierarchy } from '../crun.ts'
import { gvisorRequirement, hidingNetFiles } from '../gvisor.ts'
import { findShim, howToInstall } from './kata-installation.ts'

/** The runtimes that an engine can be asked for. */
export const runtimes = ['runc', 'crun', 'runsc', 'kata'] as const
export type Runtime = (typeof runtimes)[number]

/** Those whose guests have a kernel of their own. */
export const isSecure = (runtime: Runtime): boolean => runtime === 'runsc' || runtime === 'kata'

/** The shim of Kata's default runtime. */
export const kataShim = (): string => findShim({ runtime: 'rust' })

/** What must be on the host for each. */
export const runtimeRequirement = (runtime: Runtime): Requirement =>
  runtime === 'runsc'
    ? gvisorRequirement('runsc')
    : runtime === 'kata'
      ? { binary: kataShim(), installHint: howToInstall({ runtime: 'rust' }) }
      : { binary: runtime, package: runtime }

/** Argv of the runtimes that need something around them on this machine, or that an engine does not know by itself. */
const commands: Readonly<Record<'crun' | 'runsc', (flags: readonly string[]) => HostArgv>> = {
  crun: (flags) => hideHybridHierarchy(['crun', ...flags]),
  runsc: (flags) => hidingNetFiles(['runsc', ...flags]),
}

const quoted = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/** Makes a program for an engine that is this runtime, with these flags before whatever the engine gives it. */
export function makeProgram(path: string, runtime: keyof typeof commands, flags: readonly string[] = []): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\nexec ${quoted(commands[runtime](flags))} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/**
 * What a report must name of a runtime below an engine, whose own version says nothing of it: `over runsc version
 * release-20221219.0 --network=host`. Where the runtime does not answer, why.
 */
export async function runtimeVersionText(runtime: Runtime, flags: readonly string[] = []): Promise<string> {
  const binary = runtimeRequirement(runtime).binary
  try {
    const said = (await runHostCommand([binary, '--version'], { timeout: 10 }))
      .split('\n')
      .find((line) => /\d/.test(line))
    return ['over', said?.trim() ?? runtime, ...flags].join(' ')
  } catch (error) {
    return ['over', runtime, ...flags, `(${messageOf(error)})`].join(' ')
  }
}
