import { collect } from '../core/collect/collect.ts'
import { exitCodes } from '../core/judge/exit-code.ts'
import { describeParams, inProfile, narrow, pointsOf } from '../core/plan/plan.ts'
import { benchFiles, filterFiles, loadProject } from '../core/project.ts'
import type { Run } from './command.ts'
import { checkOptions } from './options.ts'
import { profileOf } from './plan.ts'
import { problemText } from './problems.ts'

const counted = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`

export const run: Run = async (filters, given, io) => {
  const options = checkOptions(given)
  const project = await loadProject(io.cwd, options.config)
  profileOf(project, options)
  const files = await benchFiles(project)
  const chosen = filterFiles(project, files, filters)
  const suite = narrow((await collect(project.root, files)).suite, chosen)
  if (options.json) io.out.write(`${JSON.stringify(suite, null, 1)}\n`)
  else {
    for (const file of new Set(suite.benches.map((bench) => bench.file))) {
      io.out.write(`${file}\n`)
      for (const bench of suite.benches.filter((one) => one.file === file)) {
        const metrics = Object.entries(bench.metrics).map(([name, { unit }]) => `${name} (${unit})`)
        const mode = bench.mode === 'run' ? '' : ` [${bench.mode}]`
        io.out.write(`  ${bench.name}${mode}${metrics.length > 0 ? `: ${metrics.join(', ')}` : ''}\n`)
        const points = pointsOf(inProfile(bench, options.profile)).filter(
          ({ params }) => Object.keys(params).length > 0,
        )
        for (const { params } of points) io.out.write(`    ${describeParams(params)}\n`)
      }
    }
    io.out.write(
      `${counted(suite.benches.length, 'bench', 'benches')}, ${counted(suite.findings.length, 'finding', 'findings')}\n`,
    )
  }
  for (const problem of suite.problems) io.err.write(problemText(problem))
  return suite.problems.length > 0 ? exitCodes.author : exitCodes.clean
}
