#!/usr/bin/env node
import { existsSync } from 'node:fs'

const program = new URL('../dist/bin.js', import.meta.url)

function fail(message) {
  process.stderr.write(`error  ${message}\n`)
  process.exitCode = 5
}

if (existsSync(program)) {
  try {
    await import(program.href)
  } catch (error) {
    fail(`isobench cannot be loaded: ${error.message}`)
    if (error.code === 'EMFILE') process.stderr.write('       fix: ulimit -n 4096\n')
  }
} else {
  // A checkout after `npm ci --ignore-scripts`.
  fail('isobench is not built. Run: npm run build')
}
