// Writes every generated page and JSON Schema: `npm run docs`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { generatedFiles } from './docs/generated-files.ts'

for (const [file, text] of Object.entries(generatedFiles())) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  process.stdout.write(`${file}\n`)
}
