import * as z from 'zod'
import type { Artifact, Driver, GuestHandle, SnapshotAbility } from '../../driver.ts'
import { platformFamilies } from '../../dsl/platform.ts'
import { processRoles } from '../../dsl/process-roles.ts'
import type { Requirement } from '../../host/packages.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'
import { guardSandbox } from './guard-sandbox.ts'
import { callMethod, guardObject, type MethodRules, type ProjectObject } from './project-code.ts'

/** What the members of a driver may be and return. TypeScript checks the same, but projects need not use it. */

const method = z.custom<() => unknown>((value) => typeof value === 'function', 'write a function')
const text = z.string().min(1)
const argv = z.array(z.string()).min(1)
const argvText = 'the argv of a host process as a list of texts'
const family = z.enum(platformFamilies)
/** A kernel needs about a second. docs/how-to/add-a-platform.md states it. */
const mostCalibrationMs = 10_000
const cpuMode = z.enum(['hardware', 'nested', 'emulated'])

const guest = z.object({
  execArgv: method,
  address: z.string().nullish(),
  servedOutside: z.string().nullish(),
  oomKillCount: method.nullish(),
  pause: method.nullish(),
  resume: method.nullish(),
})

const guestMethods: Readonly<Record<string, MethodRules>> = {
  execArgv: { returns: argv, returned: argvText, isOfSample: true },
  pause: { isAsync: true, isOfSample: true },
  resume: { isAsync: true, isOfSample: true },
  oomKillCount: { returns: z.number(), returned: 'a number', isAsync: true, isOfSample: true },
}

/** A method that gets the sandbox of a guest as its first argument. */
const inSandbox = (object: ProjectObject, method: string): MethodRules => ({
  isAsync: true,
  isOfSample: true,
  prepareArguments: ([sandbox, ...more]) => [guardSandbox(object, method, sandbox as GuestSandbox), ...more],
})

/** A method that boots a guest. The limit of its sample ends a boot that waits. */
const booting = (object: ProjectObject, name: string, method: string): MethodRules => ({
  ...inSandbox(object, method),
  returns: guest,
  returned: 'a guest: { execArgv(argv) { ... } }',
  mayWait: true,
  use: (handle: GuestHandle) => guardObject({ ...object, what: `the guest of "${name}"` }, handle, guestMethods),
})

const driverMembers = {
  family: z.union([method, family]),
  description: z.string().nullish(),
  experimental: z.string().nullish(),
  options: z.object({ parse: method }),
  snapshots: z.object({ save: method, restore: method }).nullish(),
}

function driverMethods(object: ProjectObject, name: string): Readonly<Record<string, MethodRules>> {
  const guardRequirement = (requirement: Requirement): Requirement => {
    const { binary, isRecentEnough } = requirement
    if (!isRecentEnough) return requirement
    const check = () =>
      callMethod(
        object,
        `isRecentEnough() of "${binary}" in requirements`,
        isRecentEnough,
        () => isRecentEnough.call(requirement),
        { returns: z.boolean(), returned: 'true or false' },
      ) as boolean
    return { ...requirement, isRecentEnough: check }
  }
  const guardArtifact = (artifact: Artifact): Artifact => ({
    ...artifact,
    ensure: (options) =>
      callMethod(
        object,
        `ensure() of "${artifact.name}" in artifacts`,
        artifact.ensure,
        () => artifact.ensure(options),
        {
          isAsync: true,
          isOfSample: true,
          mayWait: true,
        },
      ) as Promise<unknown>,
  })
  return {
    family: { returns: family, returned: platformFamilies.map((one) => `'${one}'`).join(' or ') },
    requirements: {
      isRequired: true,
      returns: z.array(
        z.object({
          binary: text,
          package: text.nullish(),
          isRecentEnough: method.nullish(),
          installHint: z.string().nullish(),
          provision: z.array(z.string()).nullish(),
        }),
      ),
      returned: 'a list of { binary, package }',
      use: (all: readonly Requirement[]) => all.map(guardRequirement),
    },
    configFiles: { returns: z.array(text), returned: 'a list of paths' },
    version: { returns: argv.optional(), returned: argvText },
    requiredImageFiles: {
      returns: z.array(z.object({ file: text, package: text })),
      returned: 'a list of { file, package }',
    },
    preflight: {
      returns: z.union([
        z.undefined(),
        text,
        z.object({
          reason: text,
          fix: z.string().nullish(),
          supportedWorkloads: z.array(z.literal('vmm-start')).nullish(),
        }),
      ]),
      returned: 'why the platform does not work, as a text or as { reason, fix }, or undefined if it works',
      isAsync: true,
    },
    requiresSeccomp: { returns: z.boolean().optional(), returned: 'true or false' },
    programRoles: {
      returns: z.array(z.object({ name: z.instanceof(RegExp), role: z.enum(processRoles) })).optional(),
      returned: 'a list of { name, role }',
    },
    cpuMode: {
      returns: cpuMode.optional(),
      returned: cpuMode.options.map((one) => `'${one}'`).join(' or '),
      isAsync: true,
    },
    versionDetails: { returns: z.string().optional(), returned: 'a text', isAsync: true },
    artifacts: {
      returns: z.array(z.object({ name: text, path: text, ensure: method })),
      returned: 'a list of { name, path, ensure }',
      use: (all: readonly Artifact[]) => all.map(guardArtifact),
    },
    clockCalibrationMs: {
      returns: z.number().min(0).max(mostCalibrationMs).optional(),
      returned: `milliseconds, from 0 to ${mostCalibrationMs}`,
    },
    oneShot: { ...inSandbox(object, 'oneShot'), isRequired: true, returns: argv, returned: argvText },
    bootSteps: {
      returns: z.object({ create: argv, start: argv, remove: argv, output: z.enum(['create', 'start']) }).optional(),
      returned: '{ create, start, remove, output }',
      ...inSandbox(object, 'bootSteps'),
    },
    vmmStart: {
      returns: z.object({ argv, accelerator: z.string() }),
      returned: '{ argv, accelerator }',
      ...inSandbox(object, 'vmmStart'),
    },
    boot: { ...booting(object, name, 'boot'), isRequired: true },
  }
}

const snapshotMethods = (object: ProjectObject, name: string): Readonly<Record<string, MethodRules>> => ({
  preflight: {
    returns: z.object({ reason: text, fix: z.string().nullish() }).nullish(),
    returned: 'why snapshots do not work, as { reason, fix }, or undefined if they work',
    isAsync: true,
    isOfSample: true,
  },
  boot: booting(object, name, 'boot'),
  save: { ...inSandbox(object, 'save'), mayWait: true },
  restore: booting(object, name, 'restore'),
})

/**
 * Guards a driver of the project: its errors state the method and its place, and each call that no sample limits has a
 * time limit.
 * @param name of the platform
 * @throws {ProjectCodeError} if a member cannot be read, or is not what the driver contract requires
 */
export function guardDriver(name: string, driver: Driver, use: Pick<ProjectObject, 'root' | 'location'>): Driver {
  const reference = 'docs/how-to/add-a-platform.md'
  const object: ProjectObject = { what: `the driver of "${name}"`, reference, ...use }
  const guarded = guardObject(object, driver, driverMethods(object, name), driverMembers)
  const { snapshots } = guarded
  if (!snapshots) return guarded
  const ofSnapshots = { ...object, what: `the snapshots of the driver of "${name}"` }
  const value: SnapshotAbility = guardObject(ofSnapshots, snapshots, snapshotMethods(ofSnapshots, name))
  return Object.defineProperty(guarded, 'snapshots', { value })
}
