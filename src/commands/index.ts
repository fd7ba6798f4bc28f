import type { CommandEntry } from './command.ts'

const entry = (name: string, summary: string, load: () => Promise<{ command: unknown }>): CommandEntry => ({
  name,
  summary,
  load: async () => (await load()).command as Awaited<ReturnType<CommandEntry['load']>>,
})

/** Every command. A new command is a new file in this folder and a line here. */
export const commands: readonly CommandEntry[] = [
  entry('run', 'measure, judge and report; the default command', () => import('./run.ts')),
  entry('watch', 'measure again what a changed file affects', () => import('./watch.ts')),
  entry('time', 'measure one command on several platforms, without a bench file', () => import('./time.ts')),
  entry('list', 'list benches, metrics and parameters', () => import('./list.ts')),
  entry('doctor', 'check which platforms work here and how to fix the rest', () => import('./doctor.ts')),
  entry('judge', 'judge a stored run, or imported results, again', () => import('./judge.ts')),
  entry('findings', 'show what the findings state, and what a run says about them', () => import('./findings.ts')),
  entry('report', 'show stored runs with any reporter', () => import('./report.ts')),
  entry('compare', 'compare two runs: what regressed and what improved', () => import('./compare.ts')),
  entry('plan', 'split the benches into shards of about equal time', () => import('./plan.ts')),
  entry('merge', 'join the records of shards or of more rounds', () => import('./merge.ts')),
  entry('fleet', 'compare the verdicts of unlike hosts', () => import('./fleet.ts')),
  entry('history', 'show how metrics and findings changed over stored runs', () => import('./history.ts')),
  entry('bisect', 'find the commit of a runtime that made a bench worse', () => import('./bisect.ts')),
  entry('noise', "measure this host's noise: native against native", () => import('./noise.ts')),
  entry(
    'attack-profile',
    'show which host kernel functions each platform reaches',
    () => import('./attack-profile.ts'),
  ),
  entry('epss', 'import EPSS scores of the CVEs in kernel functions', () => import('./epss.ts')),
  entry('image', 'build, locate or remove the root filesystem of guests', () => import('./image.ts')),
  entry('provision', 'install official releases of platforms', () => import('./provision.ts')),
  entry('clean', 'remove what killed runs left on the host', () => import('./clean.ts')),
  entry('init', 'write a config and an example bench here', () => import('./init.ts')),
  entry('completion', 'print a completion script for bash, zsh or fish', () => import('./completion.ts')),
]
