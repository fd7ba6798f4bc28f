import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { confinementOf } from '../core/attack-profile/confinement.ts'
import { type EpssData, readEpss, withExposure } from '../core/attack-profile/exposure.ts'
import { type AttackProfileSummary, attackProfiles, diffOf } from '../core/attack-profile/summary.ts'
import { type SeccompForm, workloadSeccomp } from '../core/attack-profile/workload-seccomp.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import type { RunRecord } from '../core/model/record.ts'
import { findConfig, loadProject } from '../core/project/config.ts'
import { ociSeccomp, seccompProgram } from '../host/seccomp-profile.ts'
import { diffText, profilesMarkdown, tableText } from '../reporters/attack-profile.ts'
import { confinementMarkdown, confinementText, seccompText } from '../reporters/confinement.ts'
import { closestMatch } from '../util/closest-match.ts'
import { UsageError } from '../util/errors.ts'
import { writeOutput } from '../util/outputs.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type Options, type OptionTable, pickOptions } from './options.ts'
import { checkOutput } from './output-path.ts'
import { latestFile, readStored } from './stored-records.ts'

const profileOptions = {
  ...pickOptions('bench', 'record'),
  markdown: {
    group: 'Output',
    description: 'print Markdown tables',
    example: '--markdown > profile.md',
    schema: z.boolean().default(false),
    verbs: ['show'],
    excludes: ['json'],
  },
  bpf: {
    value: '<file>',
    group: 'Output',
    description: 'write the profile to a file as a program of the kernel, for bwrap --seccomp',
    example: '--bpf profile.bpf',
    completion: 'file',
    verbs: ['seccomp'],
    schema: z.string().min(1).optional(),
  },
  kernel: {
    value: '<version>',
    group: 'Output',
    description: "the host's upstream kernel version, for CVEs (default: the version in the record)",
    example: '--kernel 6.1.128',
    verbs: ['show'],
    excludes: ['markdown'],
    // A distribution adds to it, as in `uname -r`: 6.1.0-18-amd64, 6.5.0+.
    schema: z
      .string()
      .regex(/^\d+\.\d+(\.\d+)*([-+~].*)?$/, 'must be a kernel version, for example 6.1.128')
      .optional(),
  },
  ...pickOptions('json', 'config'),
} as const satisfies OptionTable

export const command = defineCommand({
  description:
    'Shows which host kernel functions each platform reaches, or the difference between two platforms. ' +
    'Measure the profiles first: isobench run isolation/attack-profile. ' +
    'diff exits with code 4 if no traced bench has both platforms.',
  arguments: [
    {
      name: 'verb',
      description: 'show, diff, or seccomp: a profile for containers that allows what the workload called',
      required: true,
      choices: ['show', 'diff', 'seccomp'],
    },
    {
      name: 'platforms',
      description: 'show: names of platforms (default: all); diff: two names; seccomp: one name',
      variadic: true,
      completion: 'platforms',
    },
  ],
  options: profileOptions,
  examples: [
    { line: 'attack-profile show', description: 'all platforms of the latest run' },
    { line: 'attack-profile show runc', description: 'also the names that runc reaches' },
    { line: 'attack-profile diff runc gvisor', description: 'what only one of two platforms reaches' },
    { line: 'attack-profile seccomp docker > profile.json', description: 'a seccomp profile from the workload' },
  ],
  run: showProfiles,
})

async function showProfiles(
  [verb, ...names]: readonly string[],
  options: CheckedOptions<typeof profileOptions>,
  io: CommandIo,
): Promise<number> {
  const [a, b] = names
  if (verb === 'diff' && (a === undefined || b === undefined || names.length > 2))
    throw new UsageError(
      `isobench attack-profile: diff requires the names of two platforms, not ${names.length}.`,
      'write, for example, isobench attack-profile diff runc gvisor',
    )
  if (verb === 'diff' && a === b)
    throw new UsageError(
      `isobench attack-profile: diff requires two platforms, not "${a}" twice.`,
      `to see what it reaches: isobench attack-profile show ${a}`,
    )
  if (verb === 'seccomp' && names.length !== 1)
    throw new UsageError(
      `isobench attack-profile: seccomp requires the name of one platform, not ${names.length}.`,
      'write, for example, isobench attack-profile seccomp docker > profile.json',
    )
  const record = await openProfiledRecord(options, io)
  if (verb === 'seccomp') return await printSeccomp(a!, record, options, io)
  const summaries = tracedSummaries(record, options.bench)
  if (verb === 'show') {
    const profiles = names.length > 0 ? [...new Set(names)].flatMap((name) => ofPlatform(summaries, name)) : summaries
    const epss = projectEpss(options, io)
    if (options.kernel !== undefined && epss === undefined)
      throw new UsageError(
        'isobench attack-profile: --kernel chooses CVEs, and the project has no EPSS scores.',
        'omit --kernel, or import scores: isobench epss import',
      )
    const exposed = withExposure(profiles, epss, options.kernel ?? record.environment.kernel)
    const confinement = confinementOf(record, options.bench, names)
    io.out.write(
      options.json
        ? `${JSON.stringify({ schemaVersion: 1, record: record.file, ...exposed, confinement })}\n`
        : options.markdown
          ? profilesMarkdown(profiles, record) + confinementMarkdown(confinement)
          : tableText(exposed, names.length > 0) + confinementText(confinement),
    )
    return exitCodes.clean
  }
  const [ofA, ofB] = [ofPlatform(summaries, a!), ofPlatform(summaries, b!)]
  const diffs = ofA.flatMap((summary) => {
    const other = ofB.find(({ case: benchCase }) => benchCase === summary.case)
    return other ? [diffOf(summary, other)] : []
  })
  io.out.write(options.json ? `${JSON.stringify({ schemaVersion: 1, record: record.file, diffs })}\n` : diffText(diffs))
  if (diffs.length === 0)
    io.err.write('The record has no traced bench of both platforms, so there is nothing to compare.\n')
  return diffs.length > 0 ? exitCodes.clean : exitCodes.nothing
}

async function printSeccomp(
  platform: string,
  record: RunRecord,
  { json, bpf, bench }: CheckedOptions<typeof profileOptions>,
  io: CommandIo,
): Promise<number> {
  const { file } = record
  const of = (form: SeccompForm) => workloadSeccomp(record, platform, bench, form)
  if (bpf !== undefined) {
    const path = resolve(io.cwd, bpf)
    await checkOutput({ option: `--bpf ${bpf}`, given: bpf, path }, { root: io.cwd }, [
      { what: 'the run record', file },
    ])
    const { rules, arch } = of('program')
    writeOutput(path, seccompProgram(rules, arch))
  }
  const { rules, ...facts } = of('oci')
  const profile = ociSeccomp(rules, facts.architectures)
  if (json) io.out.write(`${JSON.stringify({ schemaVersion: 1, record: file, ...facts, profile })}\n`)
  else {
    const form = bpf === undefined ? 'oci' : 'program'
    io.err.write(seccompText(of(form), form))
    if (bpf === undefined) io.out.write(`${JSON.stringify(profile, null, 2)}\n`)
  }
  return exitCodes.clean
}

async function openProfiledRecord({ record, config }: Options, io: CommandIo): Promise<RunRecord> {
  if (record !== undefined) return readStored(resolve(io.cwd, record), io)
  return readStored(latestFile((await loadProject(io.cwd, config)).root, io), io)
}

/** Reads the EPSS data of the project. A record can be shown outside a project, or if its config cannot be loaded. */
function projectEpss({ config }: Options, io: CommandIo): EpssData | undefined {
  const file = config === undefined ? findConfig(io.cwd) : resolve(io.cwd, config)
  return file === undefined ? undefined : readEpss(dirname(file))
}

/** @throws {UsageError} if no sample of these benches was traced */
function tracedSummaries(record: RunRecord, benches: readonly string[]): AttackProfileSummary[] {
  const summaries = attackProfiles(record, benches.length > 0 ? benches : undefined)
  if (summaries.some(({ rounds }) => rounds > 0)) return summaries
  const tracerProblem = record.plan.excluded.find(({ reason }) => reason === 'tracer-unavailable')?.detail
  const detail =
    tracerProblem ??
    (benches.length > 0
      ? `no traced bench has ${benches.map((text) => `"${text}"`).join(' or ')} in its id`
      : 'the run has no traced bench')
  throw new UsageError(
    `${record.file} has no attack profile: ${detail}.`,
    'measure one: isobench run isolation/attack-profile',
  )
}

function ofPlatform(summaries: readonly AttackProfileSummary[], name: string): AttackProfileSummary[] {
  const own = summaries.filter(({ platform, rounds }) => platform === name && rounds > 0)
  if (own.length > 0) return own
  const known = [...new Set(summaries.map(({ platform }) => platform))]
  const close = closestMatch(name, known)
  throw new UsageError(
    `the record has no attack profile of the platform "${name}".${close ? ` Did you mean "${close}"?` : ''}`,
    `the record has: ${known.join(', ')}`,
  )
}
