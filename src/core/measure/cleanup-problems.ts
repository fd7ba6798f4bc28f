import { basename } from 'node:path'
import type { CleanupError } from '../../host/journal.ts'
import type { Problem } from '../model/suite.ts'
import type { Project } from '../project/config.ts'
import { importProblem } from '../project/import-default.ts'

/**
 * Failed commands of `onCleanup()`. Each is a problem of the driver, and the run goes on: what is left disturbs no
 * sandbox of isobench, and `isobench clean` tries to remove it.
 */
export class CleanupProblems {
  /** By place and text, because each guest of a platform fails in the same way. */
  readonly #all = new Map<string, Problem>()
  #report: ((problem: Problem) => void) | undefined

  /** @param report receives each problem once */
  constructor(
    private readonly project: Pick<Project, 'root' | 'configFile'>,
    report?: (problem: Problem) => void,
  ) {
    this.#report = report
  }

  get problems(): readonly Problem[] {
    return [...this.#all.values()]
  }

  /** The first problem of the driver of a platform. `guard-sandbox.ts` adds the driver to each description. */
  ofPlatform(name: string): Problem | undefined {
    return this.problems.find(({ message }) => message.includes(`(the driver of "${name}")`))
  }

  readonly add = (error: CleanupError): void => {
    const { root, configFile } = this.project
    const problem = importProblem(error, root, basename(configFile))
    const key = JSON.stringify(problem)
    if (this.#all.has(key)) return
    this.#all.set(key, problem)
    this.#report?.(problem)
  }

  /** Reports the problems that come from now on. */
  reportTo(report: (problem: Problem) => void): void {
    this.#report = report
  }
}
