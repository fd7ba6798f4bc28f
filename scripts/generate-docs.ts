// Writes every generated page and JSON Schema: `npm run docs`. The page of findings needs a built worker.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { benchFiles } from '../src/core/project/bench-files.ts'
import { collect } from '../src/core/project/collect.ts'
import { loadProject } from '../src/core/project/config.ts'
import { findingsPage } from './docs/findings-page.ts'
import { generatedFiles } from './docs/generated-files.ts'

const project = await loadProject(process.cwd(), undefined)
const { suite } = await collect(project.root, await benchFiles(project))
for (const [file, text] of Object.entries({ ...generatedFiles(), ...findingsPage(suite) })) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  process.stdout.write(`${file}\n`)
}
