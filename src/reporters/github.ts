import { appendFile } from 'node:fs/promises'
import type { Report } from '../core/report/schema.ts'
import { withoutFile } from './document.ts'
import { commandData, commandProperty } from './escape.ts'
import { fileOfBench, placeOf, shownPath, statements } from './facts.ts'
import { benchesMarkdown, verdictsMarkdown } from './markdown.ts'
import type { ReporterKind } from './reporter.ts'
import { plain } from './text.ts'

/** GitHub refuses a summary above 1 MiB. */
const largestSummary = 1_000_000

type Level = 'error' | 'warning' | 'notice'

/** One workflow command: GitHub shows it at that line of the pull request. */
function annotation(level: Level, title: string, message: string, place: { file: string; line?: number }): string {
  const where = `file=${commandProperty(plain(place.file))}${place.line === undefined ? '' : `,line=${place.line}`}`
  return `::${level} ${where},title=${commandProperty(plain(title))}::${commandData(plain(message, 2000))}\n`
}

/** What does not hold, as annotations. GitHub shows ten of a level, and what fails the run is told first. */
function annotations(report: Report, root: string): string[] {
  const problems = report.problems.map(({ file, message, fix, location }) =>
    annotation('error', 'cannot be used', fix ? `${message}; fix: ${fix}` : message, {
      file: location ? shownPath(location.file, root) : file,
      ...(location && { line: location.line }),
    }),
  )
  const wanted = statements(report, ({ verdict }) => verdict === 'contradicted' || verdict === 'inconclusive')
  const claims = wanted.map(({ claim, fails, by }) => {
    const level = fails ? 'error' : claim.direction === 'better' ? 'notice' : 'warning'
    return annotation(level, `${claim.verdict} (${by})`, claim.text, placeOf(claim, root))
  })
  const failed = report.benches.flatMap((bench) =>
    bench.cells.flatMap(({ platform, errors }) =>
      errors.length > 0
        ? [
            annotation('warning', `${errors.length} samples failed`, `${bench.name} on ${platform}: ${errors[0]}`, {
              file: fileOfBench(bench.id),
            }),
          ]
        : [],
    ),
  )
  return [...problems, ...claims, ...failed]
}

export const github: ReporterKind = {
  name: 'github',
  about: 'GitHub Actions: annotations, and the job summary where GITHUB_STEP_SUMMARY is set',
  create(context) {
    withoutFile('github', context)
    return {
      async finished(report) {
        context.out.write(annotations(report, context.root).join(''))
        const file = process.env.GITHUB_STEP_SUMMARY
        if (!file) return
        const verdicts = verdictsMarkdown(report, context.root)
        const all = `${verdicts}\n${benchesMarkdown(report)}`
        await appendFile(file, `${Buffer.byteLength(all) > largestSummary ? verdicts : all}\n`)
      },
    }
  },
}
