import type { Problem } from '../errors.ts'
import type { Suite } from './types.ts'

/** Finds what is only wrong once all files are known, and keeps what is sound. */
export function checkSuite(suite: Suite, files: readonly string[]): Suite {
  const problems: Problem[] = [...suite.problems]
  const spoilt = new Set(problems.map(({ file }) => file))
  const filesWith = new Set([...suite.benches, ...suite.findings].map(({ file }) => file))
  const known = new Map(suite.benches.map((bench) => [bench.id, bench]))
  const owners = new Map<number, string>()
  const findings = suite.findings.filter(({ id, file, location, claims, misprint: asPrinted }) => {
    const at = location ? { location } : {}
    const owner = owners.get(id)
    if (owner !== undefined) {
      problems.push({
        file,
        message: `finding ${id} is stated in ${owner} already`,
        fix: 'put its claims into one finding()',
        ...at,
      })
      return false
    }
    owners.set(id, file)
    const stray = [...claims, ...(asPrinted?.claims ?? [])].find(
      (claim) => !known.has(claim.bench) && !spoilt.has(file),
    )
    if (stray) {
      const fix = 'register the bench in a file that the config includes'
      problems.push({
        file,
        message: `finding ${id} is about a bench that is not collected: ${stray.bench}`,
        fix,
        ...at,
      })
      return false
    }
    return true
  })
  return { benches: suite.benches, findings, problems: [...problems, ...emptyFiles(files, filesWith, spoilt)] }
}

function emptyFiles(files: readonly string[], withSome: ReadonlySet<string>, spoilt: ReadonlySet<string>): Problem[] {
  return files
    .filter((file) => !withSome.has(file) && !spoilt.has(file))
    .map((file) => ({ file, message: 'it registers no bench', fix: "call bench('name', workload) at its top level" }))
}
