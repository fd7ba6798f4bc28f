import * as z from 'zod'
import { exitCodes } from '../core/judge/exit-code.ts'
import { releasesFor } from '../host/releases/manifest.ts'
import { hostArch } from '../host/releases/release.ts'
import { installedReleases } from '../host/releases/store.ts'
import { createColors, table } from '../reporters/terminal/table.ts'
import { sanitize } from '../util/text.ts'
import { type CommandIo, defineCommand } from './command.ts'
import { type CheckedOptions, type OptionTable, pickOptions } from './options.ts'

const provisionOptions = {
  list: {
    group: 'Output',
    description: 'list the releases that are installed, and those that can be',
    example: '--list',
    schema: z.boolean().default(false),
  },
  ...pickOptions('json'),
} as const satisfies OptionTable

export const command = defineCommand({
  description: 'Lists the official releases of platforms that isobench can install below /opt/isobench.',
  options: provisionOptions,
  examples: [{ line: 'provision --list', description: 'what is installed, and what can be' }],
  run: (_args, options, io) => provision(options, io),
})

async function provision(options: CheckedOptions<typeof provisionOptions>, io: CommandIo): Promise<number> {
  list(options.json, io)
  return exitCodes.clean
}

const columns = [
  { title: 'release', keep: true as const },
  { title: 'of' },
  { title: 'digest' },
  { title: 'licence' },
  { title: '', keep: true as const },
]

function list(json: boolean, io: CommandIo): void {
  const [installed, available] = [installedReleases(), releasesFor(hostArch())]
  if (json) return void io.out.write(`${JSON.stringify({ installed, available }, null, 1)}\n`)
  const isInstalled = ({ name, version }: { readonly name: string; readonly version: string }) =>
    installed.some((one) => one.name === name && one.version === version)
  const rows = available.map((release) => {
    const stated = Math.min(...release.files.map(({ statedBy }) => statedBy))
    return [
      `${release.name}@${release.version}`,
      release.released ?? '',
      stated === 0 ? 'unknown' : `${stated} places`,
      sanitize(release.licence, 60),
      isInstalled(release) ? 'installed' : '',
    ]
  })
  const others = installed
    .filter((one) => !available.some(({ name, version }) => name === one.name && version === one.version))
    .map((one) => [`${one.name}@${one.version}`, one.released ?? '', '', sanitize(one.licence, 60), 'installed'])
  const cells = [...rows, ...others].map((row) => row.map((text) => ({ text })))
  const lines = table(columns, cells, Math.max(40, io.out.columns ?? 100), createColors(io))
  io.out.write(`${lines.join('\n')}\n`)
}
