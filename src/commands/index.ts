import type { CommandSpec, OptionSpec } from './command.ts'

/** Every command and option, as data. A new command is a file and an entry here. */

const configOption: OptionSpec = {
  flag: '--config <file>',
  description: 'the config, when it is not the nearest isobench.config.ts',
}
const platformOption: OptionSpec = {
  flag: '--platform <names>',
  description: 'only these platforms of the config, by name: a,b',
}
const jsonOption: OptionSpec = { flag: '--json', description: 'write JSON to standard output' }
const waitOption: OptionSpec = { flag: '--wait-for-lock', description: 'wait while another isobench has this machine' }
const installOption: OptionSpec = {
  flag: '--install',
  description: 'install what is missing through apt, without asking',
}
const strictOption: OptionSpec = { flag: '--strict', description: 'exit 3 when a verdict is in doubt' }
const strictFindingsOption: OptionSpec = {
  flag: '--strict-findings',
  description: 'exit 1 when a finding is contradicted, whichever way it moved',
}
const duetOption: OptionSpec = {
  flag: '--duet',
  description: 'run native and the platform at the same time in cpu and memory benches, on cores of their own',
}
const marginOption: OptionSpec = {
  flag: '--margin <percent>',
  description: 'how much worse than a baseline is no regression: 5 when left out',
}
const allowDifferentHostsOption: OptionSpec = {
  flag: '--allow-different-hosts',
  description: 'compare with a baseline of another host, and say what differs',
}

export const commands: readonly CommandSpec[] = [
  {
    usage: 'run [...filters]',
    description: "measure, judge and report (the default); filters are parts of bench files' paths",
    options: [
      platformOption,
      { flag: '--name <text>', description: 'only benches whose name has this text' },
      { flag: '--tag <tags>', description: 'only benches with one of these tags' },
      { flag: '--profile <name>', description: 'quick (the default), full, paper, or one of the config' },
      {
        flag: '--rounds <n>',
        description:
          'rounds, each a visit to every platform; five are the fewest that decide anything. 10..30: as many as it takes',
      },
      { flag: '--max-duration <duration>', description: 'stop measuring after 10m, and say what is undecided' },
      { flag: '--seconds <n>', description: 'how long one sample measures' },
      duetOption,
      { flag: '--timeout <seconds>', description: 'time limit of one sample' },
      { flag: '--seed <text>', description: 'the order of a former run' },
      {
        flag: '--reporter <name[=file]>',
        description: 'default, or another of those below; can be given more than once',
      },
      jsonOption,
      strictOption,
      strictFindingsOption,
      { flag: '--save-baseline <name>', description: 'keep the record as a baseline' },
      {
        flag: '--baseline <name>',
        description: 'compare with that baseline afterwards; exit 1 when something regressed',
      },
      marginOption,
      allowDifferentHostsOption,
      {
        flag: '--shard <n/m>',
        description: 'only the n-th of m parts of the benches, for m machines; then: isobench merge',
      },
      { flag: '--last-failed', description: 'only benches that failed in the latest run, or all when none did' },
      { flag: '--fail-fast', description: 'stop after the round in which something fails the run' },
      { flag: '--forbid-only', description: 'refuse bench.only; so it is where CI=true, unless --no-forbid-only' },
      { flag: '--no-remeasure', description: 'do not take a sample again that others on this machine disturbed' },
      { flag: '--dry-run', description: 'show what would be measured, and in which order' },
      installOption,
      waitOption,
      { flag: '--verbose', description: 'tell more' },
      configOption,
    ],
    load: () => import('./run.ts'),
  },
  {
    usage: 'watch [...filters]',
    description: 'measure and judge as files change: only what a change reaches; needs a terminal',
    options: [
      platformOption,
      { flag: '--name <text>', description: 'only benches whose name has this text' },
      { flag: '--tag <tags>', description: 'only benches with one of these tags' },
      { flag: '--profile <name>', description: 'as in run' },
      { flag: '--rounds <n>', description: 'as in run' },
      { flag: '--seconds <n>', description: 'as in run' },
      { flag: '--timeout <seconds>', description: 'as in run' },
      installOption,
      waitOption,
      configOption,
    ],
    load: () => import('./watch.ts'),
  },
  {
    usage: 'list [...filters]',
    description: 'the benches, with their metrics and their parameters in the profile; nothing is run',
    options: [{ flag: '--profile <name>', description: 'as in run' }, jsonOption, configOption],
    load: () => import('./list.ts'),
  },
  {
    usage: 'doctor [...platforms]',
    description: 'which platforms work on this machine, and what would mend the others; all, or those that are named',
    options: [jsonOption, installOption, platformOption, waitOption, configOption],
    load: () => import('./doctor.ts'),
  },
  {
    usage: 'judge [record]',
    description: 'judge a run record again, the latest when none is named, or results of elsewhere; needs no platform',
    options: [
      { flag: '--reporter <name[=file]>', description: 'as in run' },
      jsonOption,
      strictOption,
      strictFindingsOption,
      configOption,
    ],
    load: () => import('./judge.ts'),
  },
  {
    usage: 'findings [...numbers]',
    description: "the paper's findings: verdict, what was measured, which way it moved; all, or those that are named",
    options: [
      { flag: '--record <file>', description: 'the run record to judge them by, when it is not the latest' },
      { flag: '--explain', description: 'the claims, their samples and the reasoning, in words' },
      { flag: '--markdown', description: 'write a Markdown table' },
      jsonOption,
      strictOption,
      strictFindingsOption,
      configOption,
    ],
    load: () => import('./findings.ts'),
  },
  {
    usage: 'report [...records]',
    description: 'show stored records with any reporter, the latest when none is named; several are shown side by side',
    options: [
      { flag: '--reporter <name[=file]>', description: 'as in run: html=report.html' },
      jsonOption,
      { flag: '--baseline <name|record>', description: 'what html draws the records against' },
      marginOption,
      { flag: '--strict', description: 'count what is in doubt as judge --strict does' },
      { flag: '--verbose', description: 'tell more' },
      configOption,
    ],
    load: () => import('./report.ts'),
  },
  {
    usage: 'compare <baseline> <current>',
    description: 'two runs, by record or by baseline: what regressed, what improved, what is the same',
    options: [marginOption, allowDifferentHostsOption, jsonOption],
    load: () => import('./compare.ts'),
  },
  {
    usage: 'merge <...records>',
    description: 'put the records of shards, or of more rounds, together; refuses those of different machines',
    options: [
      { flag: '--out <file>', description: 'write it there, not to standard output' },
      {
        flag: '--group',
        description: 'one file for each kind of machine instead: with --out all.jsonl, all-1.jsonl …',
      },
    ],
    load: () => import('./merge.ts'),
  },
  {
    usage: 'history',
    description: 'how each metric and finding moved over the stored runs, with advisory change points',
    options: [{ flag: '--bench <text>', description: 'only benches whose id has this text' }, jsonOption, configOption],
    load: () => import('./history.ts'),
  },
  {
    usage: 'noise [...filters]',
    description: 'measure native against native: what margin this host can carry; later runs know it',
    options: [
      { flag: '--name <text>', description: 'as in run' },
      { flag: '--tag <tags>', description: 'as in run' },
      { flag: '--profile <name>', description: 'as in run' },
      { flag: '--rounds <n>', description: 'rounds, each a visit to native and to native again; 10 when left out' },
      { flag: '--seconds <n>', description: 'as in run; noise is known for runs with the same' },
      { flag: '--timeout <seconds>', description: 'as in run' },
      { flag: '--duet', description: 'as in run' },
      jsonOption,
      installOption,
      waitOption,
      configOption,
    ],
    load: () => import('./noise.ts'),
  },
  {
    usage: 'attack-profile <verb> [...names]',
    description:
      "show: what each platform reaches of the host's kernel; diff A B: what one platform reaches and another does not",
    options: [
      { flag: '--record <file>', description: 'the run record; the latest when left out' },
      { flag: '--bench <text>', description: 'only benches whose id has this text' },
      { flag: '--markdown', description: 'show: write Markdown tables' },
      jsonOption,
      configOption,
    ],
    load: () => import('./attack-profile.ts'),
  },
  {
    usage: 'epss <verb> [file]',
    description:
      'import FILE: scores of CVEs (FIRST, CSV or gz) as weights of kernel functions, for the attack profile',
    options: [
      { flag: '--map <file>', description: 'CSV of cve,function,file: where each CVE is' },
      { flag: '--sources <file>', description: 'CSV of function,file, for rows of the map that name a file' },
      {
        flag: '--default-weight <weight>',
        description: 'what a function without data weighs; the median score when left out',
      },
      configOption,
    ],
    load: () => import('./epss.ts'),
  },
  {
    usage: 'image <build|path|remove|prune>',
    description:
      'the root filesystem that every guest gets: build it, say where it is, remove it, or prune kernels and disks of former ones',
    options: [installOption, configOption],
    load: () => import('./image.ts'),
  },
  {
    usage: 'clean',
    description: 'undo what killed runs left behind; what a living run holds is left alone',
    options: [],
    load: () => import('./clean.ts'),
  },
  {
    usage: 'init',
    description: 'write a config and an example bench into this folder; nothing that is there is touched',
    options: [],
    load: () => import('./init.ts'),
  },
]
