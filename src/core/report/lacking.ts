import type { Problem } from '../errors.ts'
import type { RunRecord } from '../record/reader.ts'

/** The benches that run a program which the image lacks, a problem for each of them and program. */
export function missingProgramProblems({ plan, samples }: Pick<RunRecord, 'plan' | 'samples'>): Problem[] {
  return plan.benches.flatMap(({ id, name, file, location }) => {
    const points = new Set(plan.cases.filter(({ bench }) => bench === id).map((point) => point.id))
    const programs = samples.flatMap(({ case: point, missingProgram: lacks }) =>
      lacks !== undefined && points.has(point) ? [lacks] : [],
    )
    return [...new Set(programs)].map((program) => ({
      file,
      message: `"${name}" runs ${program}, and the image has no such program`,
      fix: 'add its Debian package to image.packages in the config; an own root filesystem needs it installed',
      ...(location && { location }),
    }))
  })
}
