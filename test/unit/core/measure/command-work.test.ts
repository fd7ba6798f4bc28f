import { describe, expect, it } from 'vitest'
import { type CommandSample, runCommandWork } from '../../../../src/core/measure/command-work.ts'
import type { Guest } from '../../../../src/dsl/guest.ts'
import type { GroupServer } from '../../../../src/dsl/server.ts'
import type { CommandWork } from '../../../../src/dsl/workload.ts'
import { command } from '../../../../src/tools/command.ts'

type Work = CommandWork<never, never>

/** Runs a sample of `work`, and returns what happened in its order. */
async function sampleOf(work: Work, { server, isEnded = false }: { server?: GroupServer; isEnded?: boolean } = {}) {
  const steps: string[] = []
  const guestOf = (name: string) =>
    ({
      exec: async ({ argv }: { argv: readonly string[] }) => void steps.push(`${name} ${argv[0]}`),
      serve: async ({ argv }: { argv: readonly string[] }, { port }: { port: number }) => {
        steps.push(`${name} serve ${argv[0]}`)
        return { address: '10.0.0.2', port, [Symbol.asyncDispose]: async () => void steps.push('stop') }
      },
    }) as unknown as Guest
  const sample = {
    work,
    server,
    context: { seconds: 1, params: {}, cpus: 1, memoryBytes: 1, signal: new AbortController().signal },
    measured: { guest: guestOf('measured'), client: {} },
    unmeasured: { guest: guestOf('unmeasured'), client: {} },
    race: async (act: () => unknown) => act(),
    isEnded: () => isEnded,
    ready: async () => void steps.push('ready'),
  } as unknown as CommandSample
  const output = await runCommandWork(sample).catch((error: unknown) => String(error))
  return { steps, output }
}

const redis: GroupServer = {
  port: 6379,
  command: async ({ guest, cpus }) => {
    await guest.exec(command('mkdir'))
    return command('redis-server', String(cpus))
  },
}

describe('the server of a group', () => {
  it('runs around prepare, run and cleanup, and is not part of the measured commands', async () => {
    const work: Work = {
      kind: 'commands',
      prepare: async ({ guest, server }) => {
        await guest.exec(command('fill'))
        return server.port
      },
      run: async ({ guest, server, prepared }) => {
        await guest.exec(command('work'))
        return { address: server.address, prepared } as never
      },
      cleanup: async ({ guest, server }) => void (await guest.exec(command(`empty-${server.port}`))),
    }
    const { steps, output } = await sampleOf(work, { server: redis })
    expect(output).toEqual({ address: '10.0.0.2', prepared: 6379 })
    expect(steps).toEqual([
      'unmeasured mkdir',
      'unmeasured serve redis-server',
      'unmeasured fill',
      'ready',
      'measured work',
      'unmeasured empty-6379',
      'stop',
    ])
  })

  it('is stopped if the bench fails, and the failure of the bench is reported', async () => {
    const failing: Work = {
      kind: 'commands',
      run: async () => {
        throw new Error('no luck')
      },
      cleanup: async () => {
        throw new Error('another one')
      },
    }
    const { steps, output } = await sampleOf(failing, { server: redis })
    expect([steps.at(-1), output]).toEqual(['stop', 'Error: no luck'])
    const ended = await sampleOf(failing, { server: redis, isEnded: true })
    expect(ended.steps).not.toContain('stop')
  })

  it('is missing outside of such a group, and the error says how to get it', async () => {
    const work: Work = { kind: 'commands', run: async ({ server }) => server as never }
    const { output } = await sampleOf(work)
    expect(output).toMatch(/the bench has no server, because it is in no group with one/)
  })
})
