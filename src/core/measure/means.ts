import type { Workload } from '../../dsl/workload.ts'
import type { Plan } from '../plan/plan.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { Session } from '../session.ts'
import type { Weights } from '../weights/weigh.ts'
import type { LoadClientHost } from './enterable.ts'
import type { GuestBundles } from './in-guest.ts'
import type { GuestPool } from './slot.ts'

/** All that measuring a step needs. */
export interface MeasureContext {
  readonly session: Session
  readonly plan: Plan
  readonly image: { readonly rootfs: string; readonly digest: string }
  readonly platforms: ReadonlyMap<string, ResolvedPlatform>
  /** A bench's workload with its functions, by the bench's id. */
  readonly workloads: ReadonlyMap<string, Workload>
  readonly bundles: GuestBundles
  readonly client: LoadClientHost
  /** Guests of the round and of the run. */
  readonly slots: { readonly round: GuestPool; readonly run: GuestPool }
  /** Awaited when the guest is there and before its work begins: in duet mode, until the other one is ready as well. */
  readonly ready?: () => Promise<void>
  /** How exploitable each function is, where the project has imported that. */
  readonly weights?: Weights
}
