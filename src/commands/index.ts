/** Every command and option, as data. A new command is a file and an entry here. */
import type { CommandSpec, OptionSpec } from './command.ts'

const configOption: OptionSpec = {
  flag: '--config <file>',
  about: 'the config, when it is not the nearest isobench.config.ts',
}
const platformOption: OptionSpec = {
  flag: '--platform <names>',
  about: 'only these platforms of the config, by name: a,b',
}
const jsonOption: OptionSpec = { flag: '--json', about: 'write JSON to standard output' }
const waitOption: OptionSpec = { flag: '--wait', about: 'wait while another isobench has this machine' }
const installOption: OptionSpec = {
  flag: '--install',
  about: 'install what is missing through apt, without asking',
}
const strictOption: OptionSpec = { flag: '--strict', about: 'exit 3 when a verdict is in doubt' }
const strictPaperOption: OptionSpec = {
  flag: '--strict-paper',
  about: 'exit 1 when a finding is contradicted, whichever way it moved',
}
const duetOption: OptionSpec = {
  flag: '--duet',
  about: 'run native and the platform at the same time in cpu and memory benches, on cores of their own',
}
const marginOption: OptionSpec = {
  flag: '--margin <percent>',
  about: 'how much worse than a baseline is no regression: 5 when left out',
}
const unlikeOption: OptionSpec = {
  flag: '--unlike',
  about: 'compare with a baseline of another host, and say what differs',
}

export const commands: readonly CommandSpec[] = [
  {
    usage: 'run [...filters]',
    about: "measure, judge and report (the default); filters are parts of bench files' paths",
    options: [
      platformOption,
      { flag: '--name <text>', about: 'only benches whose name has this text' },
      { flag: '--tag <tags>', about: 'only benches with one of these tags' },
      { flag: '--profile <name>', about: 'quick (the default), full, paper, or one of the config' },
      {
        flag: '--rounds <n>',
        about:
          'rounds, each a visit to every platform; five are the fewest that decide anything. 10..30: as many as it takes',
      },
      { flag: '--time <duration>', about: 'stop measuring after 10m, and say what is undecided' },
      { flag: '--seconds <n>', about: 'how long one sample measures' },
      duetOption,
      { flag: '--timeout <seconds>', about: 'time limit of one sample' },
      { flag: '--seed <text>', about: 'the order of a former run' },
      { flag: '--reporter <name[=file]>', about: 'default, or another of those below; can be given more than once' },
      jsonOption,
      strictOption,
      strictPaperOption,
      { flag: '--save <name>', about: 'keep the record as a baseline' },
      { flag: '--baseline <name>', about: 'compare with that baseline afterwards; exit 1 when something regressed' },
      marginOption,
      unlikeOption,
      { flag: '--shard <n/m>', about: 'only the n-th of m parts of the benches, for m machines; then: isobench merge' },
      { flag: '--last-failed', about: 'only benches that failed in the latest run, or all when none did' },
      { flag: '--fail-fast', about: 'stop after the round in which something fails the run' },
      { flag: '--forbid-only', about: 'refuse bench.only; so it is where CI=true, unless --no-forbid-only' },
      { flag: '--no-retake', about: 'do not take a sample again that others on this machine disturbed' },
      { flag: '--dry-run', about: 'show what would be measured, and in which order' },
      installOption,
      waitOption,
      { flag: '--verbose', about: 'tell more' },
      configOption,
    ],
    load: () => import('./run.ts'),
  },
  {
    usage: 'watch [...filters]',
    about: 'measure and judge as files change: only what a change reaches; needs a terminal',
    options: [
      platformOption,
      { flag: '--name <text>', about: 'only benches whose name has this text' },
      { flag: '--tag <tags>', about: 'only benches with one of these tags' },
      { flag: '--profile <name>', about: 'as in run' },
      { flag: '--rounds <n>', about: 'as in run' },
      { flag: '--seconds <n>', about: 'as in run' },
      { flag: '--timeout <seconds>', about: 'as in run' },
      installOption,
      waitOption,
      configOption,
    ],
    load: () => import('./watch.ts'),
  },
  {
    usage: 'list [...filters]',
    about: 'the benches, with their metrics and their parameters in the profile; nothing is run',
    options: [{ flag: '--profile <name>', about: 'as in run' }, jsonOption, configOption],
    load: () => import('./list.ts'),
  },
  {
    usage: 'doctor [...platforms]',
    about: 'which platforms work on this machine, and what would mend the others; all, or those that are named',
    options: [jsonOption, installOption, platformOption, waitOption, configOption],
    load: () => import('./doctor.ts'),
  },
  {
    usage: 'judge [record]',
    about: 'judge a run record again, the latest when none is named, or results of elsewhere; needs no platform',
    options: [
      { flag: '--reporter <name[=file]>', about: 'as in run' },
      jsonOption,
      strictOption,
      strictPaperOption,
      configOption,
    ],
    load: () => import('./judge.ts'),
  },
  {
    usage: 'findings [...numbers]',
    about: "the paper's findings: verdict, what was measured, which way it moved; all, or those that are named",
    options: [
      { flag: '--record <file>', about: 'the run record to judge them by, when it is not the latest' },
      { flag: '--explain', about: 'the claims, their samples and the reasoning, in words' },
      { flag: '--markdown', about: 'write a Markdown table' },
      jsonOption,
      strictOption,
      strictPaperOption,
      configOption,
    ],
    load: () => import('./findings.ts'),
  },
  {
    usage: 'report [...records]',
    about: 'show stored records with any reporter, the latest when none is named; several are shown side by side',
    options: [
      { flag: '--reporter <name[=file]>', about: 'as in run: html=report.html' },
      jsonOption,
      { flag: '--baseline <name|record>', about: 'what html draws the records against' },
      marginOption,
      { flag: '--strict', about: 'count what is in doubt as judge --strict does' },
      { flag: '--verbose', about: 'tell more' },
      configOption,
    ],
    load: () => import('./report.ts'),
  },
  {
    usage: 'compare <before> <now>',
    about: 'two runs, by record or by baseline: what regressed, what improved, what is the same',
    options: [marginOption, unlikeOption, jsonOption],
    load: () => import('./compare.ts'),
  },
  {
    usage: 'merge <...records>',
    about: 'put the records of shards, or of more rounds, together; refuses those of different machines',
    options: [
      { flag: '--out <file>', about: 'write it there, not to standard output' },
      { flag: '--group', about: 'one file for each kind of machine instead: with --out all.jsonl, all-1.jsonl …' },
    ],
    load: () => import('./merge.ts'),
  },
  {
    usage: 'history',
    about: 'how each metric and finding moved over the stored runs, with advisory change points',
    options: [{ flag: '--bench <text>', about: 'only benches whose id has this text' }, jsonOption, configOption],
    load: () => import('./history.ts'),
  },
  {
    usage: 'noise [...filters]',
    about: 'measure native against native: what margin this host can carry; later runs know it',
    options: [
      { flag: '--name <text>', about: 'as in run' },
      { flag: '--tag <tags>', about: 'as in run' },
      { flag: '--profile <name>', about: 'as in run' },
      { flag: '--rounds <n>', about: 'rounds, each a visit to native and to native again; 10 when left out' },
      { flag: '--seconds <n>', about: 'as in run; noise is known for runs with the same' },
      { flag: '--timeout <seconds>', about: 'as in run' },
      { flag: '--duet', about: 'as in run' },
      jsonOption,
      installOption,
      waitOption,
      configOption,
    ],
    load: () => import('./noise.ts'),
  },
  {
    usage: 'profile <verb> [...names]',
    about:
      "show: what each platform reaches of the host's kernel; diff A B: what one platform reaches and another does not",
    options: [
      { flag: '--record <file>', about: 'the run record; the latest when left out' },
      { flag: '--bench <text>', about: 'only benches whose id has this text' },
      { flag: '--markdown', about: 'show: write Markdown tables' },
      jsonOption,
      configOption,
    ],
    load: () => import('./profile.ts'),
  },
  {
    usage: 'epss <verb> [file]',
    about: 'import FILE: scores of CVEs (FIRST, CSV or gz) as weights of kernel functions, for the attack profile',
    options: [
      { flag: '--map <file>', about: 'CSV of cve,function,file: where each CVE is' },
      { flag: '--sources <file>', about: 'CSV of function,file, for rows of the map that name a file' },
      { flag: '--default <weight>', about: 'what a function without data weighs; the median score when left out' },
      configOption,
    ],
    load: () => import('./epss.ts'),
  },
  {
    usage: 'image <build|path|remove|prune>',
    about:
      'the root filesystem that every guest gets: build it, say where it is, remove it, or prune kernels and disks of former ones',
    options: [installOption, configOption],
    load: () => import('./image.ts'),
  },
  {
    usage: 'clean',
    about: 'undo what killed runs left behind; what a living run holds is left alone',
    options: [],
    load: () => import('./clean.ts'),
  },
  {
    usage: 'init',
    about: 'write a config and an example bench into this folder; nothing that is there is touched',
    options: [],
    load: () => import('./init.ts'),
  },
]
