import type { Report } from '../../core/model/report.ts'
import { writeDocument } from '../document.ts'
import type { ReporterFactory } from '../reporter.ts'

/**
 * Writes the results as one page for a browser.
 *
 * The page and its charts load when a run or a report asks for them, so that no other command pays for them. They load
 * before the run starts: an update of isobench during the run cannot take them away.
 */
export const htmlReporter: ReporterFactory = {
  name: 'html',
  description: 'one page with charts and tables, for a browser',
  isDocument: true,
  create(context) {
    const page = import('./page.ts')
    const write = async (reports: readonly Report[]) => {
      const { renderPage } = await page
      await writeDocument(renderPage(reports, context), context)
    }
    return {
      onFinish: (report) => write([report]),
      onStoredRuns: (runs) => write(runs.map(({ report }) => report)),
    }
  },
}
