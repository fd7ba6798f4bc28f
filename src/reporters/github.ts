import { appendFile } from 'node:fs/promises'
import type { Report } from '../core/model/report.ts'
import { plural } from '../util/text.ts'
import { annotation, shownAnnotations } from './annotation.ts'
import { benchElsewhere, benchPlace, claimLocation } from './claim-place.ts'
import { withoutFile } from './document.ts'
import { failedOn, failurePosition } from './failures.ts'
import type { Fact } from './headline/facts.ts'
import { type Headline, headlineOf } from './headline/headline.ts'
import {
  comparedText,
  countsText,
  directionText,
  factText,
  factTitle,
  sinceText,
  verdictText,
  verdictWord,
} from './headline/words.ts'
import { markdownDocument } from './markdown.ts'
import { comparedWith } from './markdown-headline.ts'
import { addedText, addedTitle } from './new-names.ts'
import type { ReporterContext, ReporterFactory } from './reporter.ts'
import { inProject, withFix } from './summary.ts'

/** The most characters of a summary. GitHub refuses one above 1 MiB, and a character may have three bytes. */
const longestSummary = 300_000

/** What fails the run, the failed samples, and one notice for the rest. */
function annotations(report: Report, context: ReporterContext): string[] {
  const { root } = context
  const headline = headlineOf(report, comparedWith(report, context))
  const problems = headline.problems.map(({ file, message, fix, location }) =>
    annotation('error', 'cannot be used', withFix(message, fix), {
      root,
      file: location ? inProject(location.file, root) : file,
      ...(location && { line: location.line }),
    }),
  )
  const failures = headline.failures.map((fact) => failure(fact, headline, report, root))
  const added = headline.newNames.map((names) =>
    annotation(
      'error',
      `new against the baseline ${headline.baseline?.name}`,
      `${addedTitle(names)}: ${addedText(names)}`,
      { file: names.bench.file, root },
    ),
  )
  const errors = [...problems, ...failures, ...added]
  const shown = errors.length > shownAnnotations ? shownAnnotations - 1 : errors.length
  const rest = errors.length - shown
  const file = headline.failures[0]?.bench.file ?? report.cases[0]?.bench.file ?? 'isobench.config.ts'
  const more =
    rest > 0 ? [annotation('error', 'more failures', `and ${rest} more: see the summary`, { file, root })] : []
  const failed = headline.failedSamples.reduce((sum, one) => sum + one.errors.length, 0)
  const text = [
    verdictText(headline),
    countsText(headline.counts),
    comparedText(headline),
    ...(headline.warnings.length > 0 ? [`${plural(headline.warnings.length, 'warning')}`] : []),
    ...(failed > 0 ? [`${plural(failed, 'sample')} failed`] : []),
  ]
  const failedSamples = headline.failedSamples.slice(0, shownAnnotations).map((one) =>
    annotation('warning', `${plural(one.errors.length, 'sample')} failed`, failedOn(one, one.platforms, root), {
      ...failurePosition(one, root),
      root,
    }),
  )
  return [
    ...errors.slice(0, shown),
    ...more,
    ...failedSamples,
    annotation('notice', `isobench: ${verdictWord(headline)}`, text.join('; '), { file, root }),
  ]
}

function failure(fact: Fact, headline: Headline, report: Report, root: string): string {
  const [worst] = fact.subjects
  const place = worst?.verdict ? claimLocation(worst.verdict, root) : benchPlace(report, fact.bench, root)
  const elsewhere = worst?.verdict && benchElsewhere(report, worst.verdict, root)
  const regressed = worst?.since.kind === 'regressed'
  const title = regressed
    ? `regressed against the baseline ${headline.baseline?.name}`
    : `${directionText(fact)} than claimed`
  const since = worst ? `; ${sinceText(worst, headline)}` : ''
  const text = `${factTitle(fact)}: ${factText(fact)}${since}${elsewhere ? ` (${elsewhere})` : ''}`
  return annotation('error', title, text, { ...place, root })
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
        await appendFile(file, `${markdownDocument(report, context, longestSummary)}\n`)
      },
    }
  },
}
