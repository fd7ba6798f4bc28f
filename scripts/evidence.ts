/** Runs measurements for `docs/evidence`: `npm run evidence -- NAME [options]`. Needs root. */

import { parseArgs } from 'node:util'
import { aa } from './evidence/aa.ts'
import { callCosts } from './evidence/calls.ts'
import { campaign } from './evidence/campaign.ts'
import { client } from './evidence/client.ts'
import { fidelity } from './evidence/fidelity.ts'
import { firstRun } from './evidence/first-run.ts'
import { leftovers } from './evidence/leftovers.ts'
import { list } from './evidence/list.ts'
import type { Measurement } from './evidence/measurement.ts'
import { merge } from './evidence/merge.ts'
import { overhead } from './evidence/overhead.ts'
import { padding } from './evidence/padding.ts'
import { repeatability } from './evidence/repeatability.ts'
import { suite } from './evidence/suite.ts'
import { tools } from './evidence/tools.ts'
import { tracing } from './evidence/tracing.ts'
import { vms } from './evidence/vms.ts'
import { watch } from './evidence/watch.ts'

const measurements: Readonly<Record<string, Measurement>> = {
  aa,
  calls: callCosts,
  campaign,
  client,
  fidelity,
  'first-run': firstRun,
  leftovers,
  list,
  merge,
  overhead,
  padding,
  repeatability,
  suite,
  tools,
  tracing,
  vms,
  watch,
}

const help = (): string =>
  [
    'Usage: npm run evidence -- NAME... [options]',
    '       npm run evidence -- all',
    ...Object.entries(measurements).flatMap(([name, { description, options }]) => [
      `  ${name.padEnd(13)} ${description}`,
      ...Object.entries(options).map(([option, meaning]) => `${' '.repeat(16)}--${option.padEnd(9)} ${meaning}`),
    ]),
  ].join('\n')

/** A mistake on the command line, which ends the process. */
function fail(message: string): never {
  process.stderr.write(`${message}\n\n${help()}\n`)
  process.exit(5)
}

function optionsFor(chosen: readonly Measurement[], args: readonly string[]) {
  const names = chosen.flatMap(({ options }) => Object.keys(options))
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    return parseArgs({ args: [...args], options }).values as Record<string, string | undefined>
  } catch (error) {
    return fail((error as Error).message)
  }
}

const args = process.argv.slice(3)
const firstOption = args.findIndex((arg) => arg.startsWith('-'))
const words = firstOption === -1 ? args : args.slice(0, firstOption)
const names = words.join() === 'all' ? Object.keys(measurements) : words
if (names.length === 0) fail('Name a measurement.')
for (const name of names) if (!Object.hasOwn(measurements, name)) fail(`There is no measurement "${name}".`)
const chosen = names.map((name) => measurements[name]!)
const options = optionsFor(chosen, args.slice(words.length))
for (const { run } of chosen)
  await run({ root: process.cwd(), options, print: (line) => process.stdout.write(`${line}\n`) })
