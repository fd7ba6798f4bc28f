import type { Report } from '../../core/report/schema.ts'
import { escapeHtml } from '../escape.ts'
import { measuredBenches, quickProfileNote, resultsOf, unavailablePlatforms } from '../facts.ts'
import { plural } from '../text.ts'
import { cell, details, headerCell, tableHtml } from './parts.ts'

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
