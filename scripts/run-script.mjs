// Bundles a TypeScript script of this folder with its imports from src/, and runs it: `node scripts/run-script.mjs
// evidence`.
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
// In a folder beside dist/, because the sources look for the package in the folder above their own.
const folder = `${root}.isobench`
mkdirSync(folder, { recursive: true })
const outfile = `${folder}/${process.argv[2]}.mjs`
await build({
  absWorkingDir: root,
  entryPoints: [`scripts/${process.argv[2]}.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
})
// Also if the script ends the process.
process.once('exit', () => rmSync(outfile, { force: true }))
await import(pathToFileURL(outfile).href)
