import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimeBreakdown } from '../../../../src/core/measure/context.ts'
import type { CommandResult, Guest } from '../../../../src/dsl/guest.ts'
import { command } from '../../../../src/tools/command.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const result: CommandResult = { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }
const slow = async () => {
  await after(40)
  return result
}

/** A guest that takes 40 ms of the fake clock for everything. */
const guest: Guest = {
  data: '/data',
  exec: slow,
  dropCaches: async () => void (await after(40)),
  memory: async () => ({ total: 0, anonymous: 0, shared: 0, pageCache: 0 }),
  serve: async () => {
    await after(40)
    return { address: '10.0.0.1', port: 1, [Symbol.asyncDispose]: async () => void (await after(40)) }
  },
}
const sleeping = command('sleep', '0.04')

/** Waits for work while the fake clock advances. */
async function during<T>(work: PromiseLike<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(1000)
  return work
}

describe('the time breakdown of a sample', () => {
  it('is 0 at first, and adds a boot to boots only', async () => {
    const breakdown = new TimeBreakdown()
    expect(breakdown.total).toEqual({ commands: 0, servers: 0, boots: 0 })
    await during(breakdown.guest(guest).dropCaches())
    expect(breakdown.total).toEqual({ commands: 0, servers: 0, boots: 0 })
    await during(breakdown.booting(slow))
    expect(breakdown.total).toEqual({ commands: 0, servers: 0, boots: 40 })
  })

  it('counts commands of the guest and of the client once if they overlap', async () => {
    const breakdown = new TimeBreakdown()
    const first = breakdown.guest(guest).exec(sleeping)
    await vi.advanceTimersByTimeAsync(30)
    const second = breakdown.client({ exec: slow }).exec(sleeping)
    await during(Promise.all([first, second]))
    expect(breakdown.total.commands).toBe(70)
    await during(breakdown.command(slow))
    expect(breakdown.total).toEqual({ commands: 110, servers: 0, boots: 0 })
  })

  it('counts a server from its start to its answer and while it ends, and keeps its address', async () => {
    const breakdown = new TimeBreakdown()
    const service = await during(breakdown.guest(guest).serve(sleeping, { port: 1 }))
    expect(service).toMatchObject({ address: '10.0.0.1', port: 1 })
    await during(service[Symbol.asyncDispose]())
    expect(breakdown.total).toEqual({ commands: 0, servers: 80, boots: 0 })
  })

  it('counts what failed, and passes the failure on', async () => {
    const breakdown = new TimeBreakdown()
    const failing = async (): Promise<CommandResult> => {
      await after(40)
      throw new Error('exit code 1')
    }
    const rejected = expect(breakdown.client({ exec: failing }).exec(sleeping)).rejects.toThrow('exit code 1')
    await during(rejected)
    expect(breakdown.total.commands).toBe(40)
    expect(breakdown.failure).toEqual(new Error('exit code 1'))
  })
})
