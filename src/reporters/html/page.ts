import { basename } from 'node:path'
import type { Report } from '../../core/model/report.ts'
import type { HostHistory } from '../../core/records/history.ts'
import { plural } from '../../util/text.ts'
import { escapeHtml, writeDocument } from '../document.ts'
import { type BaselineView, baselineLookup } from '../metric-table.ts'
import type { ReporterContext, ReporterFactory } from '../reporter.ts'
import {
  count,
  countsLine,
  exitMeaning,
  measuredBenches,
  quickProfileNote,
  resultsOf,
  shownPath,
  unavailablePlatforms,
} from '../summary.ts'
import { benchesHtml } from './benches.ts'
import { cell, details, headerCell, tableHtml } from './elements.ts'
import { historyHtml } from './history.ts'
import { sideBySideHtml } from './side-by-side.ts'
import { style } from './style.ts'
import { baselineHtml, claimsHtml, findingsHtml } from './verdicts.ts'

/** What a reader should know before any figure, the gravest first. */
function warnings(report: Report): string[] {
  const { environment, status: how, profile, platforms } = report
  const { cpu, virtualization } = environment
  const cells = resultsOf(report)
  const failed = cells.reduce((sum, one) => sum + one.cell.errors.length, 0)
  const flags = [...new Set(cells.flatMap((one) => one.cell.flags))]
  const { wholly, partly } = unavailablePlatforms(report)
  return [
    ...(how === 'finished' ? [] : [`The run was ${how}: the verdicts are those of the samples that it had.`]),
    ...[quickProfileNote(report) ?? []].flat(),
    ...(profile.rounds < 5 ? [`${plural(profile.rounds, 'round')} cannot decide anything: five are the fewest.`] : []),
    ...(report.problems.length > 0 ? [`${plural(report.problems.length, 'bench file')} could not be used.`] : []),
    ...(failed > 0 ? [`${plural(failed, 'sample')} failed.`] : []),
    ...flags.map((flag) => {
      const where = cells.filter((one) => (one.cell.flags as string[]).includes(flag))
      return `${flag}: ${where.map(({ bench, cell }) => `${bench.name} on ${cell.platform}`).join(', ')}`
    }),
    ...(virtualization ? [`Ran inside ${virtualization}: other machines on the same host may have disturbed it.`] : []),
    ...(cpu.governor === null || cpu.governor === 'performance'
      ? []
      : [`The CPU's governor is ${cpu.governor}, not performance: its clock moved with the load.`]),
    ...(cpu.governor === null ? ['The host does not tell its CPU frequency governor.'] : []),
    ...(cpu.smt === 'on' ? ['SMT is on: hyperthreads share their cores.'] : []),
    ...(wholly.length > 0 ? [`${plural(wholly.length, 'platform')} of ${platforms.length} cannot run here.`] : []),
    ...partly.map(
      ({ name }) => `${name} cannot boot a guest here: measured is ${measuredBenches(report, name).join(', ')}.`,
    ),
    ...(environment.revision?.endsWith('+') ? ['The project had changes that were not committed.'] : []),
  ]
}

const gib = (bytes: number): string => `${Number((bytes / 2 ** 30).toFixed(1))} GiB`

export function environmentHtml(report: Report): string {
  const { environment: env, profile, seed } = report
  const facts: [string, string][] = [
    ['Started', env.startedAt],
    [
      'Measured',
      `profile ${profile.name}: ${plural(profile.rounds, 'round')}, ${profile.warmup} to warm up, ${profile.seconds} s a sample; seed ${seed}`,
    ],
    [
      'CPU',
      `${env.cpu.count} × ${env.cpu.model}; governor ${env.cpu.governor ?? 'not told'}, SMT ${env.cpu.smt ?? 'not told'}`,
    ],
    ['Memory', gib(env.memoryBytes)],
    ['Kernel', env.kernel],
    ['Machine', env.virtualization === null ? 'bare metal' : `inside ${env.virtualization}`],
    ['/dev/kvm', env.kvm ? 'there' : 'not there'],
    ['Guests', `CPU ${env.guest.cpus.join(', ')}; ${gib(env.guest.memoryBytes)} each; cgroup v${env.cgroupVersion}`],
    ['Image', env.image],
    [
      'Versions',
      `isobench ${env.isobench}, node ${env.node}; revision ${env.revision ?? 'not told'}, config ${env.configDigest}`,
    ],
  ]
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd class="break">${escapeHtml(value)}</dd>`).join('\n')
  const mitigations = Object.entries(env.mitigations).map(([name, state]) => ({
    cells: [headerCell(escapeHtml(name)), cell(escapeHtml(state), 'break')],
  }))
  const told = warnings(report)
  const alarm =
    told.length === 0
      ? '<p class="good">✓ Nothing to warn of.</p>'
      : `<ul class="warnings">${told.map((one) => `<li class="break">${escapeHtml(one)}</li>`).join('')}</ul>`
  return `<h2>Warnings</h2>
${alarm}
<h2>Environment</h2>
<dl>${list}</dl>
${details('Kernel command line and mitigations', `<p class="break"><code>${escapeHtml(env.commandLine)}</code></p>${tableHtml('Mitigations', ['vulnerability', 'state'], mitigations)}`)}
${platformsHtml(report)}`
}

function platformsHtml(report: Report): string {
  const { platforms } = report
  const partly = new Set(unavailablePlatforms(report).partly.map(({ name }) => name))
  const rows = platforms.map(({ name, kind, family, available, version, reason, fix }) => ({
    cells: [
      cell(
        available ? '✓ works' : partly.has(name) ? '– boots no guest' : '– cannot run',
        `once ${available ? 'good' : 'doubt'}`,
      ),
      headerCell(escapeHtml(name)),
      cell(escapeHtml(family === kind ? kind : `${kind}, ${family}`)),
      cell(escapeHtml(available ? version : (reason ?? 'no reason given')), 'break'),
      cell(fix === null ? '' : escapeHtml(fix), 'break'),
    ],
  }))
  const head = ['', 'platform', 'kind', 'version, or why not', 'fix']
  return details(`Platforms (${platforms.length})`, tableHtml('Platforms', head, rows))
}

/** Nothing may be loaded or run, whatever got into the page. */
const policy = "default-src 'none'; style-src 'unsafe-inline'"

/** A run, and what other runs say of it. */
interface Shown {
  readonly report: Report
  readonly against: BaselineView | undefined
  readonly history: HostHistory | undefined
}

const shownIn =
  ({ against, history }: ReporterContext) =>
  (report: Report): Shown => ({ report, against: against?.(report), history: history?.(report) })

function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

function page(runs: readonly Shown[], root: string): string {
  const [first] = runs
  if (runs.length === 1)
    return pageOf(
      `isobench: ${countsLine(count(first!.report.claims))}`,
      `<h1>isobench</h1>\n${runHtml(first!, root, 1)}`,
    )
  const all = runs.map((one, at) => {
    const { record, environment } = one.report
    const title = `Record ${at + 1}: ${basename(record)}, ${environment.startedAt}`
    return `<h1 class="record break">${escapeHtml(title)}</h1>\n${runHtml(one, root, at + 1)}`
  })
  const title = `isobench: ${plural(runs.length, 'record')}`
  return pageOf(title, `<h1>${title}</h1>\n${sideBySideHtml(runs)}\n${all.join('\n')}`)
}

function runHtml({ report, against, history }: Shown, root: string, at: number): string {
  return [
    header(report, root),
    environmentHtml(report),
    findingsHtml(report, at),
    against ? baselineHtml(against, at) : '',
    benchesHtml(report, baselineLookup(against)),
    claimsHtml(report, root, at),
    history ? historyHtml(history, at) : '',
  ]
    .filter(Boolean)
    .join('\n')
}

function header(report: Report, root: string): string {
  const { exitCode } = report
  const tone = exitCode === 0 ? 'good' : exitCode === 1 || exitCode === 5 ? 'bad' : 'doubt'
  const problems = report.problems.map(
    ({ file, message, fix }) =>
      `<p class="bad break">✗ ${escapeHtml(file)}: ${escapeHtml(message)}${fix ? `; fix: ${escapeHtml(fix)}` : ''}</p>`,
  )
  return `<p class="counts">${countsLine(count(report.claims))}</p>
<p class="${tone}">exit code ${exitCode}: ${exitMeaning(exitCode)}</p>
<p class="soft break">record ${escapeHtml(shownPath(report.record, root))}</p>
${problems.join('\n')}`
}

/** One page that needs no network and no script: environment, verdicts, pictures, and tables with the same figures. */
export const html: ReporterFactory = {
  name: 'html',
  description: 'one page with plots and tables, for a browser',
  create(context) {
    const shown = shownIn(context)
    const write = (reports: readonly Report[]) => writeDocument(page(reports.map(shown), context.root), context)
    return {
      onFinish: (report) => write([report]),
      onStoredRuns: (runs) => write(runs.map(({ report }) => report)),
    }
  },
}
