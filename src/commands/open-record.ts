import { existsSync, readFileSync } from 'node:fs'
import { collect } from '../core/collect/collect.ts'
import type { Suite } from '../core/collect/types.ts'
import { type ImportTarget, importRecord, isImport } from '../core/import/import.ts'
import { resolvePlatforms } from '../core/probe.ts'
import { benchFiles, loadProject, type Project } from '../core/project.ts'
import { RecordError, type RunRecord, readRecord } from '../core/record/reader.ts'
import { messageOf } from '../errors.ts'
import { platformFamily } from '../platforms/driver.ts'
import { drivers } from '../platforms/index.ts'

/** What a `.json` file holds, where it says of itself that it is an import; undefined for a run record, a line each. */
function importIn(file: string): unknown {
  if (!file.endsWith('.json') || !existsSync(file)) return undefined
  const fix = 'see docs/json-report.md, "Importing results"'
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new RecordError(`${file} is not JSON: ${messageOf(error)}`, fix)
  }
  if (isImport(value)) return value
  throw new RecordError(`${file} is neither a run record nor an import: it has no "isobench": "import"`, fix)
}

/** What `isobench judge` and `isobench findings` take: a run record, or results of elsewhere, which the suite's claims judge. */
export async function openRecord(
  file: string,
  suiteOf: () => Promise<{ project: Project; suite: Suite }>,
): Promise<RunRecord> {
  const imported = importIn(file)
  if (imported === undefined) return readRecord(file)
  const { project, suite } = await suiteOf()
  return importRecord(file, imported, suite, knownPlatforms(project))
}

const knownPlatforms = (project: Project): ImportTarget[] =>
  resolvePlatforms(project.platforms, drivers, project.configFile).map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
  }))

/** The project here and all that its bench files say. */
export async function loadSuite(cwd: string, config: string | undefined): Promise<{ project: Project; suite: Suite }> {
  const project = await loadProject(cwd, config)
  return { project, suite: (await collect(project.root, await benchFiles(project))).suite }
}
