import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isAlive, processId, runHostCommand, wrapHostCommands } from '../../../src/host/process.ts'
import { firstLine, until } from './children.ts'

describe('the identity of a process', () => {
  it('is alive while it runs, and not afterwards', async () => {
    const child = spawn('sleep', ['60'])
    await once(child, 'spawn')
    const id = processId(child.pid!)!
    expect(id.pid).toBe(child.pid)
    expect(id.started).toMatch(/^\d+$/)
    expect(isAlive(id)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(id)).toBe(false)
    expect(processId(child.pid!)).toBeUndefined()
  })

  it('is not that of a later process with the same number', () => {
    const mine = processId(process.pid)!
    expect(isAlive(mine)).toBe(true)
    expect(isAlive({ ...mine, started: String(Number(mine.started) - 1) })).toBe(false)
  })

  it('is not alive as a zombie', async () => {
    // The shell becomes a sleep, which never reaps the child that it has.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const pid = Number(await firstLine(parent))
    const id = processId(pid)!
    expect(isAlive(id)).toBe(true)
    await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim() === 'sleep')
    process.kill(pid, 'SIGKILL')
    await until(() => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
    expect(processId(pid)).toEqual(id)
    expect(isAlive(id)).toBe(false)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  })

  it('is read whatever the process calls itself', async () => {
    const title = process.title
    process.title = ') Z 1 (2) 3'
    try {
      expect(isAlive(processId(process.pid)!)).toBe(true)
    } finally {
      process.title = title
    }
  })
})

describe('a host command', () => {
  it('starts within the wrapper of the session until its end, and errors name the command itself', async () => {
    const inSession = ['sh', '-c', 'test "$SESSION" = yes'] as const
    {
      using _wrap = wrapHostCommands((argv) => ['env', 'SESSION=yes', ...argv])
      expect(await runHostCommand(inSession)).toBe('')
      await expect(runHostCommand(inSession, { ofHost: true })).rejects.toThrow(/exit 1/)
      await expect(runHostCommand(['false', 'x'])).rejects.toThrow(/^false x failed \(exit 1\)/)
    }
    await expect(runHostCommand(inSession)).rejects.toThrow(/exit 1/)
  })
})
