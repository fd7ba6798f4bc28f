// Builds dist/: the bundles that run and the declarations that authors' editors read. What was there stays until all is
// built.
import { cpSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

/** The entry points of `exports` in package.json. */
const entryPoints = {
  index: 'src/index.ts',
  tools: 'src/tools/index.ts',
  driver: 'src/driver-api.ts',
  reporter: 'src/reporter.ts',
  node: 'src/node.ts',
}

/**
 * Writes one file with all declarations of an entry point, for ES modules and for CommonJS. It does not report type
 * errors: `npm run typecheck` does.
 *
 * Each entry point is rolled up separately, because several together would share files that no user can import.
 */
async function writeDeclarations(name, file) {
  const bundle = await rollup({
    input: `${root}${file}`,
    // Declarations of packages are imported, like their code.
    external: /^[^./]/,
    plugins: [dts({ tsconfig: `${root}tsconfig.json`, compilerOptions: { noEmit: false, paths: {} } })],
    onwarn: (warning) => {
      throw new Error(warning.message)
    },
  })
  // A reference counts only at the start of a file. Authors' projects may have a `lib` without `AsyncDisposable`.
  const banner = '/// <reference lib="esnext.disposable" preserve="true" />'
  // TypeScript takes the second one for a CommonJS project. Node.js loads the same module for both.
  for (const extension of ['ts', 'cts']) await bundle.write({ file: `${fresh}/${name}.d.${extension}`, banner })
  await bundle.close()
}

/**
 * Where `npx isobench` looks first: without it, npx installs this checkout into its cache at the first call.
 */
function linkBin() {
  const link = `${root}node_modules/.bin/isobench`
  rmSync(link, { force: true })
  symlinkSync('../../bin/isobench.js', link)
}

const root = fileURLToPath(new URL('..', import.meta.url))
const fresh = `${root}dist.new`
rmSync(fresh, { recursive: true, force: true })
try {
  await build({
    absWorkingDir: root,
    entryPoints: {
      ...entryPoints,
      bin: 'src/bin.ts',
      collector: 'src/core/project/collector.ts',
      'in-guest': 'src/in-guest.ts',
    },
    outdir: fresh,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // npm installs them. A bundled package would be there twice, and would need its licence beside the bundle.
    packages: 'external',
    // Half the size is half the time to load.
    minifySyntax: true,
    minifyWhitespace: true,
    // Node shows the line of an error that nothing catches.
    lineLimit: 120,
    logLevel: 'silent',
  })
  // What guests and the client run: each one file, with all that it needs.
  await build({
    absWorkingDir: root,
    entryPoints: { ycsb: 'src/tools/ycsb/program.ts' },
    outdir: `${fresh}/programs`,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'silent',
  })
  for (const folder of ['host', 'vm']) cpSync(`${root}src/${folder}/programs`, `${fresh}/programs`, { recursive: true })
  for (const [name, file] of Object.entries(entryPoints)) await writeDeclarations(name, file)
  rmSync(`${root}dist`, { recursive: true, force: true })
  renameSync(fresh, `${root}dist`)
  linkBin()
} catch (error) {
  rmSync(fresh, { recursive: true, force: true })
  process.stderr.write(`the build failed: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
