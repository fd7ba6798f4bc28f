import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import * as z from 'zod'
import { longestTimeout } from '../../dsl/checked.ts'
import type { ConfigEnvironment, ConfigFunction, ImageConfig, ReporterEntry } from '../../dsl/config.ts'
import type { PlatformSpec } from '../../dsl/platform.ts'
import type { Limits } from '../../host/cgroup.ts'
import type { PinnedDigests } from '../../host/releases/release.ts'
import { withRestoredBuiltins } from '../../util/builtins.ts'
import { UsageError } from '../../util/errors.ts'
import { wrongOptions } from '../../util/schema-issues.ts'
import { locationSchema } from '../model/claim.ts'
import { defaultProfiles, type ResolvedProfile } from '../model/plan.ts'
import { type Problem, ProjectError } from '../model/suite.ts'
import { importDefault, importProblem, withoutStrayErrors } from './import-default.ts'
import { locateExport, locatePath } from './locate-word.ts'
import { withinLimit } from './time-limit.ts'

/** The config, checked and with every default filled in. */
export interface Project {
  readonly root: string
  /** The folder that paths of the command line are relative to. */
  readonly cwd: string
  readonly configFile: string
  /** A hash of the config's code. */
  readonly configDigest: string
  /** The absolute path of every file in the config's bundle: its own, and those that it imports, such as drivers. */
  readonly configInputs: readonly string[]
  /** What the bundler warns of in the config. */
  readonly warnings: readonly Problem[]
  readonly include: readonly string[]
  readonly platforms: readonly PlatformSpec[]
  /** The tags of benches that the profiles of the config exclude. */
  readonly skipTags: readonly string[]
  /** Tags of the platforms that a run excludes by default. */
  readonly skipPlatformTags: readonly string[]
  readonly guest: Omit<Limits, 'cpus'> & { readonly cpus: number }
  readonly image: ImageConfig
  /** Digests that files of releases must have, by address. */
  readonly releaseDigests: PinnedDigests
  readonly duet: boolean
  /** Absent: the default reporter. */
  readonly reporters?: readonly ReporterEntry[]
  readonly profiles: Readonly<Record<string, ResolvedProfile>>
  /** The default of `--rounds`. A first look before the last round stops when all claims are decided. */
  readonly rounds?: { readonly first: number; readonly last: number }
  readonly seed?: string
  readonly baseline?: string
}

const configNames = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `isobench.config.${extension}`)

const positive = z.number().positive()
const whole = z.number().int()

const sizeText = 'write it as "512MiB" or "1GiB"'
const sizeSchema = z.string(sizeText).regex(/^[1-9]\d*(MiB|GiB)$/, sizeText)

const platformSchema = z
  .object({
    kind: z.string().describe('kind of driver, such as `runc`'),
    name: z.string().describe('name in reports and for `--platform`; names must differ'),
    tags: z.array(z.string()).readonly().describe('tags for `platform.tag(...)`'),
    watchFiles: z
      .array(z.string())
      .readonly()
      .optional()
      .describe("more files that watch mode watches, relative to the config's folder"),
    options: z.record(z.string(), z.unknown()).describe('options of the driver, see docs/reference/platforms.md'),
    driver: z
      .custom<object>((value) => typeof value === 'object' && value !== null, 'write a driver: platform(driver)')
      .optional()
      .describe('a driver of your own; absent: the driver of isobench for `kind`'),
    location: locationSchema.optional().describe('where the platform is written'),
  })
  .meta({ id: 'Platform', description: 'What `platform(kind, options)` returns.' })

const howToInclude = "write globs such as 'benches/**/*.bench.ts', or leave include out"

const howToWriteRounds = 'write it as 10 or "10..30"; 1000 at most'

const profileSchema = z
  .strictObject({
    rounds: whole.min(1).optional().describe('visits to every platform; 5 is the minimum for a verdict'),
    warmup: whole.min(0).optional().describe('warm-up rounds; isobench does not judge their samples'),
    seconds: positive.min(0.001).optional().describe('duration of one sample in seconds'),
    timeout: positive.max(longestTimeout).optional().describe('limit of one sample with its boot, in seconds'),
    skipTags: z.array(z.string()).optional().describe('excludes benches with these tags'),
    skipEmulated: z.boolean().optional().describe('excludes platforms with emulated CPUs'),
  })
  .meta({ id: 'Profile', description: 'How much a run measures. Absent fields are those of `quick`.' })

export const configSchema = z
  .strictObject({
    include: z
      .array(z.string().regex(/\S/, howToInclude))
      .min(1, howToInclude)
      .default(['benches/**/*.bench.ts'])
      .describe("globs of bench files, relative to the config's folder"),
    platforms: z
      .array(platformSchema)
      .min(1, "write platforms such as [platform('native'), platform('runc')]")
      .describe('platforms to measure'),
    skipPlatformTags: z
      .array(z.string())
      .default([])
      .describe('excludes platforms with these tags, unless `--platform` names them or `--all-platforms` is given'),
    guest: z
      .strictObject({
        cpus: whole.min(1).default(1).describe('whole CPUs per guest, native included'),
        memory: sizeSchema.default('1GiB').describe('memory per guest with its page cache, in MiB or GiB'),
        processes: whole
          .min(16)
          .default(4096)
          .describe('processes and threads per guest, those of the platform included'),
        data: sizeSchema.default('4GiB').describe('size of `/data` per guest, in MiB or GiB'),
      })
      .meta({ id: 'GuestConfig', description: 'The limits of every guest.' })
      .default({ cpus: 1, memory: '1GiB', processes: 4096, data: '4GiB' })
      .describe('limits of every guest, native included'),
    image: z
      .strictObject({
        rootfs: z.string().optional().describe('a directory to use as the root filesystem instead of the image'),
        packages: z
          .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'write the name of a Debian package'))
          .optional()
          .describe('Debian packages to add to the image'),
        snapshot: z.iso
          .date({ error: 'write a day as "2026-11-01"', abort: true })
          .regex(/^20/, 'write a day as "2026-11-01"')
          .optional()
          .describe("day of Debian's archives to build the image from, `YYYY-MM-DD`; absent: the day of the build"),
      })
      .meta({ id: 'ImageConfig', description: 'The root filesystem of every guest.' })
      .default({})
      .describe('root filesystem of every guest'),
    releaseDigests: z
      .record(
        z.string(),
        z
          .string()
          .regex(
            /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/,
            'write it in lower case, as "sha256:" and 64 digits or "sha512:" and 128 digits',
          ),
      )
      .default({})
      .describe('digests that files of releases must have, by address: `{ "https://...": "sha256:..." }`'),
    security: z
      .enum(['default', 'none'])
      .default('default')
      .describe(
        'what confines the guests of platforms with the option `security`: what their users run, or no seccomp filter',
      ),
    duet: z
      .boolean()
      .default(false)
      .describe('measures native and a platform at the same time in CPU and memory benches'),
    reporters: z
      .array(
        z.union(
          [z.string(), z.tuple([z.string(), z.record(z.string(), z.unknown())]).readonly()],
          'write a name such as "html=report.html", or [path, options]',
        ),
      )
      .min(1, "write reporters such as ['default', 'html=report.html'], or leave reporters out")
      .optional()
      .describe('reporters as on the command line, or `[path, options]`. Default: `["default"]`'),
    profiles: z.record(z.string(), profileSchema).default({}).describe('how much a run measures, by name'),
    rounds: z
      // A text that does not match is an issue of the text, not of the union.
      .union([whole.min(1).max(1000), z.string().regex(/^\d+\.\.\d+$/, howToWriteRounds)], howToWriteRounds)
      .optional()
      .describe('default of `--rounds`'),
    seed: z.string().min(1).optional().describe('default of `--seed`'),
    baseline: z.string().min(1).optional().describe('default of `isobench run --baseline`'),
  })
  .meta({ title: 'isobench config', description: 'What `isobench.config.ts` exports.' })

/** The closest config file in a folder or above it. It may be a link to nothing. */
export function findConfig(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const found = configNames.map((name) => join(folder, name)).find(isThere)
    if (found || folder === dirname(folder)) return found
  }
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

const neverEndingConfig = 'look for a loop, or an await that never ends, in the function or a getter of the config'

/** Calls a config function and checks the config. Errors and loops of the function and of getters are the config's. */
async function readConfig(exported: unknown, environment: ConfigEnvironment, root: string, file: string) {
  try {
    const location = () => locateExport(join(root, file))
    const limited = { root, file, what: 'reading its default export', fix: neverEndingConfig, location }
    const value: unknown = await withoutStrayErrors(() =>
      withinLimit(limited, () =>
        typeof exported === 'function'
          ? withRestoredBuiltins('it', () => (exported as ConfigFunction)(environment))
          : exported,
      ),
    )
    return { value, parsed: await withinLimit(limited, () => configSchema.safeParse(value)) }
  } catch (error) {
    throw new ProjectError([importProblem(error, root, file)], root)
  }
}

/** @throws {ProjectError} if the first number is not the smaller one */
function roundsOf(
  rounds: number | string | undefined,
  fail: (message: string, rest: object) => ProjectError,
  at: () => object,
): Project['rounds'] {
  if (rounds === undefined) return undefined
  const [first, last = first] = String(rounds).split('..').map(Number) as [number, number?]
  if (first >= 1 && last >= first && last <= 1000) return { first, last }
  throw fail(`rounds: "${rounds}" is no range from 1 to 1000.`, { fix: 'write it as "10..30"', ...at() })
}

/**
 * Loads and checks the config.
 * @param environment what a config function receives
 * @throws {UsageError} if there is none
 * @throws {ProjectError} if it cannot be used
 */
export async function loadProject(
  cwd: string,
  given?: string,
  environment: ConfigEnvironment = { command: 'other', profile: 'quick' },
): Promise<Project> {
  const file = given ? resolve(cwd, given) : findConfig(cwd)
  if (file && isThere(file) && !existsSync(file))
    throw new UsageError(`the config ${given ?? file} is a link to nothing`, 'repair or remove the link')
  if (!file || !existsSync(file)) {
    throw new UsageError(
      given ? `there is no config at ${given}` : 'there is no isobench.config.ts here or above',
      'write one with: isobench init',
    )
  }
  const kind = statSync(file)
  // Reading a FIFO or a device may never end.
  if (!kind.isFile())
    throw new UsageError(
      `the config ${given ?? file} is ${kind.isDirectory() ? 'a folder' : 'no regular file'}`,
      'name a file with --config',
    )
  // Source maps have real paths.
  const root = realpathSync(dirname(file))
  if (root.includes('\\'))
    throw new UsageError(
      `the project ${root} has a backslash in its path, and Node.js imports no module from there`,
      'rename the folder',
    )
  const name = basename(file)
  const fail = (message: string, rest: object = {}) => new ProjectError([{ file: name, message, ...rest }], root)
  const imported = await importDefault(root, name, 'write: export default defineConfig({ … })')
  const { value, parsed } = await readConfig(imported.value, environment, root, name)
  if (!parsed.success) {
    throw new ProjectError(
      wrongOptions(parsed.error.issues, value, configSchema).map(({ path, message, fix }) => ({
        file: name,
        message: path.length > 0 ? message : `the config: ${message}`,
        fix: fix ?? 'see docs/reference/config.md',
        ...locatePath(join(root, name), path),
      })),
      root,
    )
  }
  const config = parsed.data
  const platforms = config.platforms as PlatformSpec[]
  const twice = platforms.find(({ name }, at) => platforms.findIndex((one) => one.name === name) !== at)
  if (twice)
    throw fail(`two platforms are named "${twice.name}"`, {
      fix: `give one of them a name: platform('${twice.kind}', { name: '…' })`,
      location: twice.location,
    })
  // Such a pattern makes isobench read every folder beside the project, or of the host.
  const outside = config.include.find((pattern) => isAbsolute(pattern) || pattern.split('/').includes('..'))
  if (outside !== undefined) {
    const within = isAbsolute(outside) ? relative(root, outside) : '..'
    const problem = within.startsWith('..')
      ? ['leaves the folder of the config', 'move the config up, or make a link to the folder in the project']
      : ['is an absolute path', `write it relative to the folder of the config: '${within}'`]
    throw fail(`include: "${outside}" ${problem[0]}`, { fix: problem[1], ...locatePath(file, ['include']) })
  }
  const rounds = roundsOf(config.rounds, fail, () => locatePath(join(root, name), ['rounds']))
  return {
    root,
    cwd,
    configFile: join(root, name),
    configDigest: imported.digest,
    configInputs: imported.inputs,
    warnings: [...imported.warnings, ...(given === undefined ? unusedConfigs(root, name) : [])],
    include: config.include,
    platforms: platforms.map((spec) => ({ ...spec, security: config.security })),
    skipTags: [...new Set(Object.values(config.profiles).flatMap(({ skipTags = [] }) => skipTags))],
    skipPlatformTags: config.skipPlatformTags,
    guest: {
      cpus: config.guest.cpus,
      memoryBytes: bytesOf(config.guest.memory),
      processes: config.guest.processes,
      dataBytes: bytesOf(config.guest.data),
    },
    image: {
      ...(config.image.rootfs !== undefined && {
        rootfs: isAbsolute(config.image.rootfs) ? config.image.rootfs : resolve(root, config.image.rootfs),
      }),
      ...(config.image.packages && { packages: config.image.packages }),
      ...(config.image.snapshot !== undefined && { snapshot: config.image.snapshot }),
    },
    releaseDigests: config.releaseDigests,
    duet: config.duet,
    ...(config.reporters && { reporters: config.reporters }),
    profiles: profilesOf(config.profiles),
    ...(rounds && { rounds }),
    ...(config.seed !== undefined && { seed: config.seed }),
    ...(config.baseline !== undefined && { baseline: config.baseline }),
  }
}

/** A warning for each config beside the one that is used. What TypeScript compiles it to is none. */
const unusedConfigs = (root: string, used: string): Problem[] =>
  configNames
    .filter((name) => ![used, used.replace(/ts$/, 'js')].includes(name) && isThere(join(root, name)))
    .map((file) => ({ file, message: `it is not used, because ${used} is beside it.`, fix: 'remove one of them' }))

function profilesOf(configured: z.output<typeof configSchema>['profiles']): Record<string, ResolvedProfile> {
  const all = { ...defaultProfiles }
  for (const [name, profile] of Object.entries(configured)) {
    const set = Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined))
    // A profile may have the name of a member of all objects, such as `constructor`.
    all[name] = { ...(Object.hasOwn(all, name) ? all[name]! : defaultProfiles.quick!), ...set }
  }
  return all
}

function bytesOf(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith('GiB') ? 1024 ** 3 : 1024 ** 2)
}
