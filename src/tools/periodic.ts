import { type Command, command, refuseOthers, requireCount } from './command.ts'
import { above0, ToolOutputError, toNumber } from './parse.ts'

/**
 * A busy periodic job, as the victim of a noisy neighbor: a Perl program of isobench. Every image has Perl. A job that
 * computes longer than the scheduler's slice, 3 ms, feels a neighbor; a short sleeper does not, because schedulers
 * favor it.
 * Format: a line with the milliseconds of each job, and a last line `jobs: 100 of 100`.
 */

export interface PeriodicJob {
  /** How long to start new jobs. */
  seconds: number
  /** Milliseconds from the start of one job to the start of the next. Default: 20. */
  every?: number
  /** Additions of each job: about 5 ms for the default, 400000. */
  additions?: number
}

/** The latencies of the jobs. */
export interface PeriodicResult {
  /**
   * Milliseconds of each job, from when it was due to its end. If a job is still running when the next one is due, the
   * next one waits, and that counts: a client would wait too (coordinated omission, G. Tene).
   */
  latencies: number[]
}

const TOOL = 'periodic'

// The text is constant. The command passes its numbers as arguments. An overloaded guest must not run forever, so the
// program starts no job after three times the duration.
const program = `
use strict;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);
my ($jobs, $every, $additions) = @ARGV;
my $start = clock_gettime(CLOCK_MONOTONIC);
my $done = 0;
for my $job (0 .. $jobs - 1) {
  my $due = $start + $job * $every;
  my $now = clock_gettime(CLOCK_MONOTONIC);
  last if $now > $start + 3 * $jobs * $every;
  sleep($due - $now) if $due > $now;
  my $sum = 0;
  $sum += $_ for 1 .. $additions;
  printf "%.3f\\n", 1000 * (clock_gettime(CLOCK_MONOTONIC) - $due);
  $done++;
}
print "jobs: $done of $jobs\\n";
`

/** The command of the periodic job, and the parser of its output. */
export const periodic = {
  /** @throws {TypeError} if a number is none or not above 0, or `seconds` is less than one period */
  command({ seconds, every = 20, additions = 400_000, ...others }: PeriodicJob): Command {
    refuseOthers('periodic.command()', others)
    if (!(seconds > 0)) throw new TypeError(`seconds must be above 0, not ${seconds}.`)
    // A tiny part more, because 0.29 s / 10 ms is 28.999999999999996.
    const jobs = Math.floor((1000 * seconds) / requireCount('every', every) + 1e-6)
    if (jobs === 0) throw new TypeError(`every (${every} ms) must be at most seconds (${seconds} s).`)
    return command('perl', '-e', program, jobs, every / 1000, requireCount('additions', additions))
  },

  /**
   * @throws {ToolOutputError} unless the output has a line for each job, and their number. Jobs that were never started
   * would have had the longest latencies.
   */
  parse(stdout: string): PeriodicResult {
    const lines = stdout.split('\n')
    const [, done, planned] = /^jobs: (\d+) of ([1-9]\d*)$/.exec(lines.at(-2) ?? '') ?? []
    if (done === undefined || lines.at(-1) !== '') throw new ToolOutputError(TOOL, 'no complete report', stdout)
    if (done !== planned) throw new ToolOutputError(TOOL, `only ${done} of ${planned} jobs were started`, stdout)
    const jobs = lines.slice(0, -2)
    if (jobs.length !== Number(done)) throw new ToolOutputError(TOOL, `${jobs.length} lines for ${done} jobs`, stdout)
    const latency = (what: string, line: string) => above0(TOOL, stdout, what, toNumber(TOOL, stdout, what, line))
    return { latencies: jobs.map((line, at) => latency(`job ${at + 1}`, line)) }
  },
}
