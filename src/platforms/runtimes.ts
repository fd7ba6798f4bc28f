import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { which } from '../guest/requirements.ts'
import { withoutHybrid } from './crun.ts'
import type { HostArgv, Requirement } from './driver.ts'
import { gvisorRequirement, hidingNetFiles } from './gvisor.ts'
import { howToInstall } from './kata/installation.ts'

/** The runtimes that an engine can be asked for. */
export const runtimes = ['runc', 'crun', 'runsc', 'kata'] as const
export type Runtime = (typeof runtimes)[number]

/** Those whose guests have a kernel of their own. */
export const isSecure = (runtime: Runtime): boolean => runtime === 'runsc' || runtime === 'kata'

/** What must be on the host for each. */
export const runtimeRequirement = (runtime: Runtime): Requirement =>
  runtime === 'runsc'
    ? gvisorRequirement('runsc')
    : runtime === 'kata'
      ? {
          binary: 'containerd-shim-kata-v2',
          hint: `${howToInstall({ runtime: 'rust' })}; and put its bin folder on the PATH`,
        }
      : { binary: runtime, package: runtime }

/** Argv of the runtimes that need something around them on this machine, or that an engine does not know by itself. */
const commands: Readonly<Record<'crun' | 'runsc', () => HostArgv>> = {
  crun: () => withoutHybrid(['crun']),
  runsc: () => hidingNetFiles(['runsc']),
}

const quoted = (argv: readonly string[]) => argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ')

/** Makes a program in `folder` for each installed runtime that an engine is to be told of. */
export function runtimeWrappers(folder: string): { readonly name: Runtime; readonly path: string }[] {
  mkdirSync(folder, { recursive: true })
  const names = (['crun', 'runsc'] as const).filter((name) => which(name) !== undefined)
  return names.map((name) => {
    const path = join(folder, name)
    writeFileSync(path, `#!/bin/sh\nexec ${quoted(commands[name]())} "$@"\n`)
    chmodSync(path, 0o755)
    return { name, path }
  })
}
