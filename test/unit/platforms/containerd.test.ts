import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { oddArguments } from '../../../src/conformance/check.ts'
import { startTask } from '../../../src/platforms/containerd.ts'
import { fakeSandbox } from './fake-sandbox.ts'

async function bootedGuest() {
  const { place } = fakeSandbox()
  const spawn = async () => {
    mkdirSync(join(place.stateDir, 'run'), { recursive: true })
    writeFileSync(join(place.stateDir, 'run', 'containerd.sock'), '')
    return process.pid
  }
  // Any file is a network namespace to a sandbox in which nothing runs.
  const netns = join(place.stateDir, 'netns')
  writeFileSync(netns, '')
  const sandbox = { ...place, rootfs: '/image', netns, spawn }
  const handle = await startTask(sandbox, { runtime: 'io.containerd.runc.v2', options: [] })
  /** What the guest executes. */
  const inGuest = (...given: Parameters<typeof handle.execArgv>) => {
    const argv = handle.execArgv(...given)
    return argv.slice(argv.indexOf(place.id) + 1)
  }
  return inGuest
}

it('a command without input reads an empty standard input, and has its arguments as they are', async () => {
  const inGuest = await bootedGuest()
  const script = 'cat; printf "%s|" "$@"; exit 7'
  const [file, ...args] = inGuest(['/bin/sh', '-c', script, 'sh', ...oddArguments], { noInput: true })
  // What is written here stands for the input that ctr never ends.
  const { stdout, status } = spawnSync(file!, args, { input: 'lost', encoding: 'utf8' })
  expect({ stdout, status }).toEqual({ stdout: `${oddArguments.join('|')}|`, status: 7 })
})

it('a command that may have input is executed as it is', async () => {
  const inGuest = await bootedGuest()
  expect(inGuest(['cat', '-n'])).toEqual(['cat', '-n'])
  expect(inGuest(['cat', '-n'], { noInput: false })).toEqual(['cat', '-n'])
})
