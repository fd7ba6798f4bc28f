import { appendFile } from 'node:fs/promises'
import type { Report } from '../core/model/report.ts'
import { sanitize } from '../util/text.ts'
import { regressionSummary } from './comparison.ts'
import { commandData, commandProperty, withoutFile } from './document.ts'
import { formatClaim } from './format.ts'
import { benchesMarkdown, verdictsMarkdown } from './markdown.ts'
import type { ReporterContext, ReporterFactory } from './reporter.ts'
import { claimLocation, outcomeName, repositoryPath, shownPath, uniqueClaims } from './summary.ts'

/** GitHub refuses a summary above 1 MiB. */
const largestSummary = 1_000_000

type Level = 'error' | 'warning' | 'notice'

/** A line of a file, relative to the project's `root`. */
interface Position {
  readonly file: string
  readonly line?: number
  readonly root: string
}

/** One workflow command: GitHub shows it at that line of the pull request. */
function annotation(level: Level, title: string, message: string, { file, line, root }: Position): string {
  const path = repositoryPath(file, root)
  const where = `file=${commandProperty(sanitize(path))}${line === undefined ? '' : `,line=${line}`}`
  return `::${level} ${where},title=${commandProperty(sanitize(title))}::${commandData(sanitize(message, 2000))}\n`
}

/** What does not hold, as annotations. GitHub shows ten of a level, and what fails the run comes first. */
function annotations(report: Report, { root, against }: ReporterContext): string[] {
  const problems = report.problems.map(({ file, message, fix, location }) =>
    annotation('error', 'cannot be used', fix ? `${message}; fix: ${fix}` : message, {
      root,
      file: location ? shownPath(location.file, root) : file,
      ...(location && { line: location.line }),
    }),
  )
  const baseline = against?.(report)
  const regressed = baseline
    ? regressionSummary(baseline).items.map(({ file, text }) =>
        annotation('error', `regressed against the baseline ${baseline.name}`, text, { file, root }),
      )
    : []
  const wanted = uniqueClaims(report, ({ outcome }) => outcome === 'contradicted' || outcome === 'inconclusive')
  const claims = wanted.map(({ verdict, fails, sources }) => {
    const level = fails ? 'error' : verdict.direction === 'better' ? 'notice' : 'warning'
    const title = `${outcomeName(verdict.outcome)} (${sources})`
    return annotation(level, title, formatClaim(verdict), { ...claimLocation(verdict, root), root })
  })
  const failed = report.cases.flatMap(({ bench, results }) =>
    results.flatMap(({ platform, errors }) =>
      errors.length > 0
        ? [
            annotation('warning', `${errors.length} samples failed`, `${bench.name} on ${platform}: ${errors[0]}`, {
              file: bench.file,
              root,
            }),
          ]
        : [],
    ),
  )
  return [...problems, ...regressed, ...claims, ...failed]
}

export const github: ReporterFactory = {
  name: 'github',
  description: 'GitHub Actions: annotations, and the job summary where GITHUB_STEP_SUMMARY is set',
  create(context) {
    withoutFile('github', context)
    return {
      async onFinish(report) {
        context.out.write(annotations(report, context).join(''))
        const file = process.env.GITHUB_STEP_SUMMARY
        if (!file) return
        const verdicts = verdictsMarkdown(report, context)
        const all = `${verdicts}\n${benchesMarkdown(report)}`
        await appendFile(file, `${Buffer.byteLength(all) > largestSummary ? verdicts : all}\n`)
      },
    }
  },
}
