import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import * as z from 'zod'
import { printable } from '../errors.ts'

/** Why the program at `path` is not the runtime `name`, or undefined. */
function mistaken(name: string, path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return `there is no program at ${path}`
  }
  const { stdout, stderr, error } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  if (error) return `${path} --version: ${error.message}`
  // runc, crun and runsc all begin with their own name.
  if (stdout.startsWith(`${name} version `)) return undefined
  const said = printable(`${stdout}${stderr}`.trim().split('\n')[0] ?? '', 80)
  return `${path} is no ${name}: asked for its version, it said ${said === '' ? 'nothing' : `"${said}"`}`
}

/** The option of a platform that runs another build of its runtime than the one in PATH. Checked by asking its version. */
export const runtimeBinary = (name: string) =>
  z
    .string()
    .regex(/^\//, 'give the whole path of the program')
    .superRefine((path, context) => {
      const wrong = path.startsWith('/') ? mistaken(name, path) : undefined
      if (wrong === undefined) return
      const message = `${wrong}; give the path of a build of ${name}, or leave it out for the ${name} in PATH`
      context.addIssue({ code: 'custom', message })
    })
    .optional()
