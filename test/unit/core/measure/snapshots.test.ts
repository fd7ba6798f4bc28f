/** Guests that are saved and restored, over a driver with files as snapshots. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TimeBreakdown } from '../../../../src/core/measure/context.ts'
import { SampleScope } from '../../../../src/core/measure/sample-scope.ts'
import { SnapshotGuests } from '../../../../src/core/measure/snapshots.ts'
import type { ResolvedPlatform } from '../../../../src/core/project/platforms.ts'
import type { Driver, SnapshotAbility } from '../../../../src/driver.ts'
import type { SnapshotGuest } from '../../../../src/dsl/snapshot.ts'
import type { HostArgv } from '../../../../src/host/process.ts'
import type { OwnedGuestSandbox } from '../../../../src/host/sandbox.ts'
import { CommandError } from '../../../../src/host/timed-process.ts'
import { UnsupportedError } from '../../../../src/util/errors.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { FakeSession } from '../../../support/fake-session.ts'

let folder: string
let events: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-snapshots-'))
  events = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const first = { argv: ['echo', 'first'] } as const

/** Sandboxes with a state directory, which go with them. */
class SessionWithFolders extends FakeSession {
  override async createSandbox(rootfs: string): Promise<OwnedGuestSandbox> {
    const sandbox = await super.createSandbox(rootfs)
    const stateDir = mkdtempSync(join(folder, 'guest-'))
    return Object.assign(sandbox, {
      stateDir,
      [Symbol.asyncDispose]: async () => {
        if (existsSync(stateDir)) events.push('remove')
        rmSync(stateDir, { recursive: true, force: true })
      },
    })
  }
}

const ability: SnapshotAbility = {
  save: async (_sandbox, to) => {
    events.push('save')
    writeFileSync(join(to, 'memory'), 'x'.repeat(10_000))
  },
  restore: async (_sandbox, from) => {
    events.push(`restore ${readFileSync(join(from, 'memory'), 'utf8').length}`)
    return { execArgv: (argv) => ['restored', ...argv] }
  },
}

function guests(snapshots: SnapshotAbility | undefined, memoryBytes = 2 ** 20) {
  const host = fakeHost({})
  const signal = new AbortController().signal
  const exec = async (argv: HostArgv) => {
    events.push(`exec ${argv.join(' ')}`)
    if (argv.includes('fail')) throw new CommandError('exit code 1')
    return { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }
  }
  const driver = {
    ...{ kind: 'fake', family: 'container', description: '', options: { parse: () => ({}) } },
    requirements: () => [],
    oneShot: async () => ['false'],
    boot: async () => ({ execArgv: (argv) => ['booted', ...argv] }),
    ...(snapshots && { snapshots }),
  } as Driver
  const platform = { spec: { name: 'fake' }, driver, options: {} } as unknown as ResolvedPlatform
  const scope = new SampleScope('unit', 60, signal, exec, () => undefined)
  const session = new SessionWithFolders(host, signal, { cpus: [1], memoryBytes, processes: 4096 })
  const made = new SnapshotGuests({ platform, session, rootfs: '/', scope, times: new TimeBreakdown() })
  return { made, scope }
}

describe('a guest that is saved', () => {
  it('runs its first command, and so do the guests that start from it', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    const guest = await made.boot(first)
    const snapshot = await guest.save()
    const restored = await snapshot.restore(first)
    expect(snapshot.bytes).toBeGreaterThanOrEqual(10_000)
    expect(restored.milliseconds).toBeGreaterThan(0)
    expect(events).toEqual(['exec booted echo first', 'save', 'restore 10000', 'exec restored echo first'])
  })

  it('has as many clones as requested, and one more to compare their memory with', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    const snapshot = await (await made.boot(first)).save()
    events = []
    const { guests: clones, sharedBytes } = await snapshot.clone(3, first)
    expect(clones).toHaveLength(3)
    expect(events.filter((event) => event.startsWith('restore'))).toHaveLength(4)
    // The one to compare with is removed before the clones start.
    expect(events.indexOf('remove')).toBe(2)
    // No host process: nothing is known, and nothing is 0.
    expect(sharedBytes).toBeNull()
  })

  it('is not saved twice, but a guest that was restored is', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    const guest = await made.boot(first)
    const restored = await (await guest.save()).restore(first)
    await expect(guest.save()).rejects.toThrow('save(): the guest has been saved before, which ended it')
    await expect(guest.exec(first)).rejects.toThrow('exec(): save() has ended this guest')
    await restored.save()
    expect(events.filter((event) => event === 'save')).toHaveLength(2)
  })

  it('refuses an option that exec() does not have', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    const guest = await made.boot(first)
    await expect(guest.exec(first, { exitCode: [1] } as never)).rejects.toThrow('did you mean "exitCodes"?')
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses %s clones', async (count) => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    const snapshot = await (await made.boot(first)).save()
    await expect(snapshot.clone(count, first)).rejects.toBeInstanceOf(RangeError)
    expect(events.filter((event) => event.startsWith('restore'))).toEqual([])
  })

  it('refuses arguments that its calls do not take', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    await using _made = made
    // biome-ignore lint/suspicious/noExplicitAny: authors without a type checker pass anything
    const boot: any = made.boot
    await expect(boot(first, { cpus: 'shared' })).rejects.toThrow('boot() does not take an object as its last argument')
    const snapshot = await boot(first).then((guest: SnapshotGuest) => guest.save())
    await expect(snapshot.clone(1, first, { foo: 1 })).rejects.toThrow('clone() does not take an object')
    await expect(snapshot.restore(first, 2)).rejects.toThrow('restore() does not take 2')
    expect(events.filter((event) => event.startsWith('restore'))).toEqual([])
  })

  it('starts none of more clones than memory allows', async () => {
    const { made, scope } = guests(ability, 2 ** 30)
    await using _scope = scope
    await using _made = made
    const snapshot = await (await made.boot(first)).save()
    events = []
    const failure = await snapshot.clone(1_000_000, first).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UnsupportedError)
    expect(String(failure)).toMatch(
      /1000000 guests with 1 GiB each may use more than the [\d.]+ GiB that this host can/,
    )
    expect(events).toEqual([])
  })

  it('is removed with its snapshot and its clones, also after a failure', async () => {
    const { made, scope } = guests(ability)
    await using _scope = scope
    {
      await using _made = made
      const snapshot = await (await made.boot(first)).save()
      const failing = snapshot.clone(2, { argv: ['echo', 'fail'] })
      await expect(failing).rejects.toThrow('exit code 1')
    }
    // The saved guest, the one to compare with, and the places of two clones.
    expect(events.filter((event) => event === 'remove')).toHaveLength(4)
  })

  it('is removed if its sample ends while it starts', async () => {
    let go = () => {}
    const started = new Promise<void>((resolve) => {
      go = resolve
    })
    const { made, scope } = guests({
      ...ability,
      preflight: async () => {
        await started
        return undefined
      },
    })
    await using _scope = scope
    const booting = made.boot(first)
    await made[Symbol.asyncDispose]()
    go()
    await expect(booting).rejects.toThrow('the sample has ended')
    expect(events).toEqual(['remove'])
  })
})

describe('a platform that cannot save guests', () => {
  it('is unsupported, with the reason if the driver has one', async () => {
    const { made, scope } = guests(undefined)
    await using _scope = scope
    await expect(made.boot(first)).rejects.toThrow(new UnsupportedError('fake cannot save a guest'))
    const refusing = guests({ ...ability, preflight: async () => ({ reason: 'criu check fails', fix: 'install it' }) })
    await using _other = refusing.scope
    await expect(refusing.made.boot(first)).rejects.toMatchObject({
      code: 'ISOBENCH_UNSUPPORTED',
      message: 'criu check fails',
      fix: 'install it',
    })
  })
})
