/** What the checks of the conformance suite share. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandBounds, ExecTarget, LoadClientHost } from '../core/session/exec-target.ts'
import type { HostSession } from '../core/session/host-session.ts'
import type { GuestHandle } from '../driver.ts'
import type { Guest } from '../dsl/guest.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { bootSeconds } from './traces.ts'

/** What the checks need of this host. */
export interface ConformanceHost {
  readonly session: Pick<HostSession, 'createSandbox' | 'prefix'>
  readonly client: LoadClientHost
  readonly image: { readonly rootfs: string }
  readonly signal: AbortSignal
}

/** One requirement of the driver contract. */
export interface ConformanceCheck {
  /** Completes the sentence "the guest ...". */
  readonly name: string
  /** @throws {ConformanceError} if the driver does not meet the requirement */
  run(): Promise<void>
}

/** The guest that stays, once it is booted. The checks share it. */
export interface GuestUnderTest extends ConformanceHost {
  readonly target: ExecTarget
  readonly place: OwnedGuestSandbox
  readonly handle: GuestHandle
  readonly exec: Guest['exec']
  /** The bounds of a command that starts now. */
  bounds(): CommandBounds
  /** Whether a command can kill another one, which ends servers. A check sets it. */
  endsServers: boolean
}

/** Milliseconds for something quick, on emulated CPUs too. */
export const slow = bootSeconds * 200

/** Milliseconds in which a VMM or an engine ends after its guest. */
export const soon = 2000

/** Repeats a check until it passes. @throws its last error after `milliseconds` */
export async function eventually(milliseconds: number, check: () => void): Promise<void> {
  const until = performance.now() + milliseconds
  for (;;) {
    try {
      check()
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(50)
    }
  }
}

/** A command of the guest's shell. The script is constant text. */
export const shell = (script: string, ...args: string[]) => ({
  argv: ['/bin/sh', '-c', script, 'sh', ...args] as const,
})

/** Arguments that a program could misread when it passes them on. */
export const oddArguments = ['', ' ', '$HOME', '%n', "it's", '"', '\\', '*', 'a\nb', '-n', '--', 'ü']
