// Builds dist/: the bundles that run and the declarations that authors' editors read. What was there stays until all is
// built.
import { execFileSync } from 'node:child_process'
import { cpSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

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
      bin: 'src/bin.ts',
      index: 'src/index.ts',
      tools: 'src/tools/index.ts',
      driver: 'src/driver-api.ts',
      reporter: 'src/reporter.ts',
      collector: 'src/core/project/collector.ts',
      'in-guest': 'src/in-guest.ts',
    },
    outdir: fresh,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // The other packages are bundled, which halves the time that the command line takes to start.
    external: ['chokidar', 'commander', 'esbuild', 'execa', 'picocolors', 'tinybench', 'tinyglobby'],
    // Half the size is half the time to load.
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'error',
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
    logLevel: 'error',
  })
  for (const folder of ['host', 'vm']) cpSync(`${root}src/${folder}/programs`, `${fresh}/programs`, { recursive: true })
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const options = ['-p', `${root}tsconfig.build.json`, '--outDir', `${fresh}/types`]
  execFileSync(process.execPath, [tsc, ...options], { stdio: 'inherit' })
  rmSync(`${root}dist`, { recursive: true, force: true })
  renameSync(fresh, `${root}dist`)
  linkBin()
} catch (error) {
  rmSync(fresh, { recursive: true, force: true })
  // esbuild and tsc have said what is wrong.
  process.stderr.write(`the build failed: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`)
  process.exitCode = 1
}
