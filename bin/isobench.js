#!/usr/bin/env node
import { existsSync } from 'node:fs'

const program = new URL('../dist/bin.js', import.meta.url)
if (existsSync(program)) await import(program.href)
else {
  // A checkout after `npm ci --ignore-scripts`.
  process.stderr.write('error  isobench is not built. Run: npm run build\n')
  process.exitCode = 5
}
