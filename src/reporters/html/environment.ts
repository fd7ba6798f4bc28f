import { joinUsed } from '../../core/attack-profile/confinement.ts'
import { combineConfinement } from '../../core/model/confinement.ts'
import type { Report } from '../../core/model/report.ts'
import { plural } from '../../util/text.ts'
import { confinementNotes, confinementRows, confinementTitles } from '../confinement.ts'
import {
  excludedPlatformsNote,
  flagMeanings,
  measuredBenches,
  resultsOf,
  securityText,
  unavailablePlatforms,
  verdictNotes,
} from '../summary.ts'
import { type Anchors, link } from './anchors.ts'
import { cell, details, headerCell, list, table } from './elements.ts'
import { type Html, type HtmlValue, html, joinHtml, lines } from './tag.ts'

/** What a run measured on: warnings, the host, and the platforms. */

/** The fewest rounds that can decide a claim. */
const minRounds = 5

/** The most results that a warning names. */
const mostFlagged = 4

/** What a reader should know before the results, the most important first. */
function warnings(report: Report, anchors: Anchors): HtmlValue[] {
  const { environment, status, profile, platforms } = report
  const { cpu, virtualization } = environment
  const results = resultsOf(report)
  const flags = [...new Set(results.flatMap(({ result }) => result.flags))]
  const flagged = flags.map((flag) => {
    const where = results
      .filter(({ result }) => result.flags.includes(flag))
      .map(({ bench: { bench }, result }) => link(anchors.bench(bench), `${bench.name} on ${result.platform}`))
    const rest = where.length > mostFlagged ? ` and ${where.length - mostFlagged} more` : ''
    return html`${flag}: ${joinHtml(where.slice(0, mostFlagged), ', ')}${rest}: ${flagMeanings[flag]}.`
  })
  const { entirely, partially } = unavailablePlatforms(report)
  const texts: HtmlValue[] = [
    status !== 'finished' && `The run was ${status}. The verdicts are those of its samples so far.`,
    ...verdictNotes(report),
    // An import of published numbers has no rounds.
    profile.rounds > 0 &&
      profile.rounds < minRounds &&
      `${plural(profile.rounds, 'round')} cannot decide anything: at least five are needed.`,
    ...flagged,
    virtualization !== null &&
      `The host is a VM (${virtualization}): other VMs on the same hardware may have disturbed the run.`,
    cpu.governor !== null &&
      cpu.governor !== 'performance' &&
      `The CPU frequency governor is ${cpu.governor}, not performance: the CPU clock moved with the load.`,
    cpu.governor === null && 'The host does not expose its CPU frequency governor.',
    cpu.smt === 'on' && 'SMT is on: hyperthreads share their cores.',
    excludedPlatformsNote(report.excludedPlatforms),
    entirely.length > 0 && `${plural(entirely.length, 'platform')} of ${platforms.length} cannot run here.`,
    ...partially.map(
      ({ name }) => `${name} cannot boot a guest here, measured is ${measuredBenches(report, name).join(', ')}.`,
    ),
    environment.revision?.endsWith('+') === true && 'The project had changes that were not committed.',
  ]
  return texts.filter(Boolean)
}

const gib = (bytes: number): string => `${Number((bytes / 2 ** 30).toFixed(1))} GiB`

/** What a reader should know before the results. */
export function warningsHtml(report: Report, anchors: Anchors): Html {
  const texts = warnings(report, anchors)
  return lines(
    html`<h2 id="${anchors.part('warnings')}">Warnings</h2>`,
    texts.length > 0 ? list(texts, 'warnings') : html`<p class="good">✓ No warnings.</p>`,
  )
}

/** The environment and the platforms of a run. */
export function environmentHtml(report: Report, anchors: Anchors): Html {
  const { environment: env, profile, seed } = report
  const guests = `CPU ${env.guest.cpus.join(', ')}; ${gib(env.guest.memoryBytes)} each; cgroup v${env.cgroupVersion}`
  const facts: readonly (readonly [string, string])[] = [
    ['Started', env.startedAt],
    [
      'Measured',
      `profile ${profile.name}: ${plural(profile.rounds, 'round')}, ${plural(profile.warmup, 'warm-up round')}, ` +
        `${profile.seconds} s per sample; seed ${seed}`,
    ],
    [
      'CPU',
      `${env.cpu.count} × ${env.cpu.model}; governor ${env.cpu.governor ?? 'unknown'}, SMT ${env.cpu.smt ?? 'unknown'}`,
    ],
    ['Memory', gib(env.memoryBytes)],
    ['Kernel', env.kernel],
    ['Host', env.virtualization === null ? 'bare metal' : `VM (${env.virtualization})`],
    ['/dev/kvm', env.kvm ? 'available' : 'not available'],
    ['Guests', guests],
    ['Image', env.image],
    [
      'Versions',
      `isobench ${env.isobench}, node ${env.node}; revision ${env.revision ?? 'unknown'}, config ${env.configDigest}`,
    ],
  ]
  const mitigations = Object.entries(env.mitigations).map(([name, state]) => ({
    cells: [headerCell(name), cell(state, 'wrap-anywhere')],
  }))
  return lines(
    html`<h2 id="${anchors.part('environment')}">Environment</h2>`,
    html`<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd class="wrap-anywhere">${value}</dd>\n`)}</dl>`,
    details('Kernel command line and mitigations', [
      html`<p class="wrap-anywhere"><code>${env.commandLine}</code></p>`,
      table('Mitigations', ['vulnerability', 'state'], mitigations),
    ]),
    platformsHtml(report, anchors),
    confinementHtml(report),
  )
}

/** What confines the host processes of each platform, over all traced benches. */
function confinementHtml({ platforms, cases }: Report): Html | undefined {
  const all = platforms.map(({ name }) => {
    const own = cases.flatMap(({ results }) => results.filter(({ platform }) => platform === name))
    return {
      platform: name,
      confinement: combineConfinement(own.flatMap(({ confinement = [] }) => confinement)),
      used: joinUsed(own.map(({ usedCalls = {} }) => usedCalls)),
    }
  })
  const rows = confinementRows(all).map(([platform, ...others]) => ({
    cells: [headerCell(platform), ...others.map((text) => cell(text, 'wrap-anywhere'))],
  }))
  if (rows.length === 0) return undefined
  const title = 'What confines the host processes'
  const notes = confinementNotes(all).map((note) => html`<p class="muted wrap-anywhere">${note}</p>`)
  return details(title, [table(title, confinementTitles, rows), ...notes])
}

function platformsHtml(report: Report, anchors: Anchors): Html {
  const partially = new Set(unavailablePlatforms(report).partially.map(({ name }) => name))
  const rows = report.platforms.map(({ name, kind, family, available, version, security, reason, fix }) => {
    const status = available ? '✓ works' : partially.has(name) ? '– boots no guest' : '– cannot run'
    return {
      id: anchors.platform(name),
      cells: [
        cell(status, `nowrap ${available ? 'good' : 'doubt'}`),
        headerCell(name),
        cell(family === kind ? kind : `${kind}, ${family}`),
        cell(available ? version : (reason ?? 'no reason given'), 'wrap-anywhere'),
        cell(security && securityText(security)),
        cell(fix, 'wrap-anywhere'),
      ],
    }
  })
  const titles = ['', 'platform', 'kind', 'version, or why not', 'security', 'fix']
  const all = details(`Platforms (${report.platforms.length})`, table('Platforms', titles, rows))
  return html`<div id="${anchors.part('platforms')}">${all}</div>`
}
