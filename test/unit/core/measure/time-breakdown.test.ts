import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { TimeBreakdown } from '../../../../src/core/measure/context.ts'
import type { CommandResult, Guest } from '../../../../src/dsl/guest.ts'
import { command } from '../../../../src/tools/command.ts'

const done: CommandResult = { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }
const slow = async () => {
  await sleep(40)
  return done
}

/** What a workload is given, where each thing takes 40 ms or more. */
const guest: Guest = {
  data: '/data',
  exec: slow,
  dropCaches: async () => void (await sleep(40)),
  serve: async () => {
    await sleep(40)
    return { address: '10.0.0.1', port: 1, [Symbol.asyncDispose]: async () => void (await sleep(40)) }
  },
}
const sleeping = command('sleep', '0.04')

describe('what a sample spends', () => {
  it('is nothing at first, and in no account that it does not belong to', async () => {
    const spent = new TimeBreakdown()
    expect(spent.total).toEqual({ commands: 0, servers: 0, boots: 0 })
    await spent.guest(guest).dropCaches()
    expect(spent.total).toEqual({ commands: 0, servers: 0, boots: 0 })
    await spent.booting(slow)
    expect(spent.total).toMatchObject({ commands: 0, servers: 0 })
    expect(spent.total.boots).toBeGreaterThanOrEqual(39)
  })

  it('is commands of the guest and of the client, once where they overlap', async () => {
    const spent = new TimeBreakdown()
    const started = performance.now()
    await Promise.all([spent.guest(guest).exec(sleeping), spent.client({ exec: slow }).exec(sleeping)])
    const took = performance.now() - started
    expect(spent.total.commands).toBeGreaterThanOrEqual(39)
    expect(spent.total.commands).toBeLessThanOrEqual(Math.ceil(took))
    await spent.command(slow)
    expect(spent.total.commands).toBeGreaterThanOrEqual(78)
  })

  it('counts a server from its start to its answer and while it ends, and keeps its address', async () => {
    const spent = new TimeBreakdown()
    const service = await spent.guest(guest).serve(sleeping, { port: 1 })
    expect(service).toMatchObject({ address: '10.0.0.1', port: 1 })
    await service[Symbol.asyncDispose]()
    expect(spent.total.servers).toBeGreaterThanOrEqual(78)
    expect(spent.total.commands).toBe(0)
  })

  it('counts what failed, and passes the failure on', async () => {
    const spent = new TimeBreakdown()
    const failing = async (): Promise<CommandResult> => {
      await sleep(40)
      throw new Error('exit code 1')
    }
    await expect(spent.client({ exec: failing }).exec(sleeping)).rejects.toThrow('exit code 1')
    expect(spent.total.commands).toBeGreaterThanOrEqual(39)
    expect(spent.failure).toEqual(new Error('exit code 1'))
  })
})
