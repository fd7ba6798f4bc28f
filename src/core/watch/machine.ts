/** What a watch holds of the machine, from the first change to the last, and what it knows of the platforms there. */
import { ensureImage, type Image } from '../../guest/image/image.ts'
import { type Environment, readEnvironment } from '../environment.ts'
import type { LoadClientHost } from '../measure/enterable.ts'
import { ensureArtifacts } from '../parts.ts'
import type { PlannedPlatform } from '../plan/plan.ts'
import { probePlatforms, type ResolvedPlatform } from '../probe.ts'
import type { Project } from '../project.ts'
import { Session } from '../session.ts'
import { Warm } from './warm.ts'

export interface OpenSessionOptions {
  /** Waits while another process has the machine. */
  readonly wait: boolean
  readonly signal: AbortSignal
  /** Seconds that booting a guest may take; asked once the machine is taken. */
  timeout(): number
  /** Told what is being done. */
  tell(what: string): void
}

/** The image, and the client that runs on it. */
interface Taken {
  readonly image: Image
  readonly client: LoadClientHost
  readonly environment: Environment
  /** What of the config it was taken for. */
  readonly key: string
}

const keyOf = ({ guest, image }: Project): string => JSON.stringify([guest, image])

export class WatchHost {
  #session: Session | undefined
  #taken: Taken | undefined
  #warm: Warm | undefined
  readonly #platforms = new Map<string, { state: string; platform: PlannedPlatform }>()

  /** There once the machine is this process's, which is before all of it is taken. */
  get session(): Session | undefined {
    return this.#session
  }

  get taken(): Taken | undefined {
    return this.#taken
  }

  get warm(): Warm | undefined {
    return this.#warm
  }

  /** Whether it was taken for a project like this. */
  suits(project: Project): boolean {
    return this.#taken?.key === keyOf(project)
  }

  /** Takes the machine, which must be closed. What fails leaves it to be closed. */
  async take(project: Project, { wait, signal, timeout, tell }: OpenSessionOptions): Promise<void> {
    tell('taking the machine')
    this.#session = await Session.open(project.guest, {
      purpose: `watching ${project.root}`,
      wait,
      onWait: ({ pid, purpose, since }) => tell(`waiting for process ${pid}, ${purpose}, since ${since}`),
      signal,
    })
    const session = this.#session
    const image = await ensureImage(project.image, {
      ledger: session.ledger,
      signal,
      onLine: (line) => tell(`building the image: ${line}`),
    })
    const guest = { cpus: [...session.limits.cpus], memoryBytes: session.limits.memoryBytes }
    const environment = await readEnvironment(project, guest, image.digest)
    this.#taken = { image, client: await session.client(image.rootfs), environment, key: keyOf(project) }
    this.#warm = new Warm(session, image.rootfs, timeout())
  }

  /** Probes the platforms that are not known as they are now. `states` are by name; see `stateOf`. */
  async probe(
    platforms: readonly ResolvedPlatform[],
    states: ReadonlyMap<string, string>,
    { signal, tell, skip }: Pick<OpenSessionOptions, 'signal' | 'tell'> & { readonly skip: readonly string[] },
  ): Promise<void> {
    const unknown = platforms.filter(({ spec: { name } }) => this.#platforms.get(name)?.state !== states.get(name))
    if (unknown.length === 0) return
    const { image } = this.#taken!
    const { ledger } = this.#session!
    await ensureArtifacts(unknown, image.rootfs, { ledger, signal, onLine: tell }, skip)
    tell(`probing ${unknown.map(({ spec }) => spec.name).join(', ')}`)
    for (const platform of await probePlatforms(unknown, this.#session!.withSignal(signal), image, skip))
      this.#platforms.set(platform.name, { state: states.get(platform.name)!, platform })
  }

  /** A platform as it was last probed. */
  platform(name: string): PlannedPlatform | undefined {
    return this.#platforms.get(name)?.platform
  }

  /** Gives back what is held; it can then be taken again. */
  async close(): Promise<void> {
    this.#taken = undefined
    this.#platforms.clear()
    const [warm, session] = [this.#warm, this.#session]
    this.#warm = undefined
    this.#session = undefined
    try {
      await warm?.[Symbol.asyncDispose]()
    } finally {
      await session?.[Symbol.asyncDispose]()
    }
  }
}
